#include "exporter/serve/http/tls.hpp"

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "tests/support/certificates.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tls_client.hpp"

namespace rpoguard::test {
namespace {

using serve::TlsContext;
using serve::TlsSession;
using State = TlsSession::State;

class TlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new TempDir;
    make_authority(dir_->path(), "ca");
    make_certificate(dir_->path(), "server", {.authority = "ca"});
    make_certificate(dir_->path(), "client",
                     {.authority = "ca", .san = "DNS:a.test,IP:10.0.0.7,URI:spiffe://x/y"});
    const auto rsa =
        run_command({.argv = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                              "/CN=rsa", "-keyout", "rsa.key", "-out", "rsa.crt"},
                     .directory = dir_->path()});
    ASSERT_EQ(rsa.exit_code, 0) << rsa.output;
  }
  static void TearDownTestSuite() { delete dir_; }

  static std::string file(const std::string& name) { return read_file(*dir_ / name); }
  static core::TlsSpec spec() {
    core::TlsSpec spec;
    spec.certificate = file("server.crt");
    spec.key = file("server.key");
    return spec;
  }
  static std::shared_ptr<const TlsContext> context(const core::TlsSpec& from) {
    auto made = TlsContext::make(from);
    EXPECT_TRUE(made.ok()) << made.error().message;
    return std::move(made).value();
  }
  static std::string problem(const core::TlsSpec& from) {
    const auto made = TlsContext::make(from);
    return made.ok() ? "none" : made.error().message;
  }
  // Until both are silent. The last state of the server.
  static State shake_hands(TlsSession& server, TlsClient& client, std::string* plain = nullptr) {
    std::string ignored;
    std::string wire = client.turn("");
    State state = State::open;
    while (!wire.empty() && state == State::open) {
      state = server.receive(wire, plain == nullptr ? ignored : *plain);
      wire = client.turn(server.take_wire());
    }
    return state;
  }
  static bool lets_in(const core::TlsSpec& from, TlsClient& client) {
    TlsSession server(context(from));
    return shake_hands(server, client) == State::open && server.established();
  }
  static core::TlsSpec demanding(std::vector<std::string> names) {
    core::TlsSpec demand = spec();
    demand.client_ca = file("ca.crt");
    demand.client_auth = core::ClientAuth::require_and_verify;
    demand.client_allowed_sans = std::move(names);
    return demand;
  }

  static TempDir* dir_;
};
TempDir* TlsTest::dir_ = nullptr;

TEST_F(TlsTest, what_one_side_says_the_other_reads) {
  TlsSession server(context(spec()));
  TlsClient client;
  std::string plain;
  ASSERT_EQ(shake_hands(server, client, &plain), State::open);
  ASSERT_TRUE(server.established());
  EXPECT_FALSE(server.client_is_verified());
  EXPECT_EQ(server.receive(client.say("GET /"), plain), State::open);
  EXPECT_EQ(plain, "GET /");
  const std::string page(100'000, 'x');
  server.send(page);
  server.finish();
  const std::string wire = server.take_wire();
  EXPECT_EQ(wire.find("xxxxxxxx"), std::string::npos);
  client.turn(wire);
  EXPECT_EQ(client.heard(), page);
  EXPECT_TRUE(client.ended()) << "a client can tell a whole answer from a cut one";
  EXPECT_EQ(server.take_wire(), "");
  EXPECT_FALSE(client.reused());
}

TEST_F(TlsTest, bytes_may_come_one_by_one) {
  TlsSession server(context(spec()));
  TlsClient client;
  std::string plain;
  std::string wire = client.turn("");
  while (!wire.empty()) {
    for (const char c : wire) ASSERT_EQ(server.receive({&c, 1}, plain), State::open);
    wire = client.turn(server.take_wire());
  }
  for (const char c : client.say("hello")) ASSERT_EQ(server.receive({&c, 1}, plain), State::open);
  EXPECT_EQ(plain, "hello");
  EXPECT_EQ(server.receive(client.goodbye(), plain), State::closed);
}

TEST_F(TlsTest, garbage_and_plain_http_are_no_handshake) {
  for (const std::string text : {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\xff\xff\x01"}) {
    TlsSession server(context(spec()));
    std::string plain;
    EXPECT_EQ(server.receive(text, plain), State::failed);
    EXPECT_FALSE(server.established());
    EXPECT_FALSE(server.client_is_verified());
    EXPECT_EQ(plain, "");
    server.finish();
  }
}

TEST_F(TlsTest, versions_ciphers_and_curves_are_kept) {
  core::TlsSpec only13 = spec();
  only13.min_version = core::TlsVersion::tls13;
  TlsClient old(TLS1_2_VERSION);
  EXPECT_FALSE(lets_in(only13, old));
  core::TlsSpec suites = spec();
  suites.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  suites.curve_preferences = {"CurveP384"};
  TlsClient chosen(TLS1_2_VERSION);
  EXPECT_TRUE(lets_in(suites, chosen));
  EXPECT_STREQ(chosen.cipher(), "ECDHE-ECDSA-AES256-GCM-SHA384");
  suites.cipher_suites = {"TLS_AES_128_GCM_SHA256"};
  TlsClient without(TLS1_2_VERSION);
  EXPECT_FALSE(lets_in(suites, without)) << "suites of TLS 1.3 only";
  TlsClient young;
  EXPECT_TRUE(lets_in(suites, young));
  suites.max_version = core::TlsVersion::tls12;
  EXPECT_EQ(problem(suites), "tls_server_config: cipher_suites has none for max_version TLS12");
}

TEST_F(TlsTest, without_a_choice_of_ciphers_all_have_forward_secrecy_and_are_authenticated) {
  for (const char* weak :
       {"AES256-GCM-SHA384", "AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES256-SHA384"}) {
    core::TlsSpec rsa = spec();
    rsa.certificate = file("rsa.crt");
    rsa.key = file("rsa.key");
    TlsClient client(TLS1_2_VERSION);
    client.offer(weak);
    EXPECT_FALSE(lets_in(rsa, client)) << weak;
    TlsClient strong(TLS1_2_VERSION);
    strong.offer("ECDHE-RSA-AES256-GCM-SHA384");
    EXPECT_TRUE(lets_in(rsa, strong));
  }
}

TEST_F(TlsTest, a_client_certificate_must_be_for_one_of_the_names) {
  for (const char* name : {"a.test", "10.0.0.7", "spiffe://x/y"}) {
    TlsClient client;
    client.show(*dir_ / "client.crt", *dir_ / "client.key");
    TlsSession server(context(demanding({"other.test", name})));
    EXPECT_EQ(shake_hands(server, client), State::open) << name;
    EXPECT_TRUE(server.client_is_verified()) << name;
  }
  for (const char* name : {"b.test", "test", "10.0.0.8", "client", "A.TEST.evil"}) {
    TlsClient client;
    client.show(*dir_ / "client.crt", *dir_ / "client.key");
    EXPECT_FALSE(lets_in(demanding({name}), client)) << name;
  }
  TlsClient nobody;
  EXPECT_FALSE(lets_in(demanding({}), nobody));
}

TEST_F(TlsTest, a_certificate_that_was_not_verified_proves_nothing) {
  core::TlsSpec any = spec();
  any.client_auth = core::ClientAuth::require_any;
  TlsClient client;
  client.show(*dir_ / "client.crt", *dir_ / "client.key");
  TlsSession server(context(any));
  EXPECT_EQ(shake_hands(server, client), State::open);
  EXPECT_FALSE(server.client_is_verified());
}

TEST_F(TlsTest, what_does_not_fit_together_is_named_without_a_secret) {
  core::TlsSpec other_key = spec();
  other_key.key = file("client.key");
  EXPECT_EQ(problem(other_key), "tls_server_config.key_file: does not belong to the certificate");
  core::TlsSpec half = spec();
  half.certificate.resize(half.certificate.size() / 2);
  EXPECT_EQ(problem(half), "tls_server_config.cert_file: no certificate in PEM form");
  core::TlsSpec damaged_chain = spec();
  damaged_chain.certificate += file("ca.crt").substr(0, 200);
  EXPECT_EQ(problem(damaged_chain), "tls_server_config.cert_file: a damaged certificate");
  core::TlsSpec no_key = spec();
  no_key.key = no_key.key.substr(0, no_key.key.size() / 2);
  EXPECT_EQ(problem(no_key),
            "tls_server_config.key_file: no private key in PEM form without a passphrase");
  core::TlsSpec bad_ca = demanding({});
  bad_ca.client_ca = "none";
  EXPECT_EQ(problem(bad_ca), "tls_server_config.client_ca_file: no or damaged certificates");
}

TEST_F(TlsTest, a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it) {
  const auto locked = run_command({.argv = {"openssl", "ec", "-in", "server.key", "-aes128",
                                            "-passout", "pass:sesame", "-out", "locked.key"},
                                   .directory = dir_->path()});
  ASSERT_EQ(locked.exit_code, 0) << locked.output;
  core::TlsSpec from = spec();
  from.key = file("locked.key");
  EXPECT_NE(problem(from).find("without a passphrase"), std::string::npos);
}

TEST_F(TlsTest, tells_when_the_certificate_ends) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto expiry = context(spec())->expiry().time_since_epoch();
  EXPECT_GT(expiry, now + std::chrono::hours(47));
  EXPECT_LT(expiry, now + std::chrono::hours(49));
}

}  // namespace
}  // namespace rpoguard::test
