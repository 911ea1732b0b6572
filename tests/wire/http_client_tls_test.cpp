// The HTTP client over TLS, against a real TLS server: whom it trusts, and what it sends.
#include <gtest/gtest.h>

#include "exporter/net/http_client.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

using net::HttpFailure;

// `openssl s_server` with a certificate of its own for witness.test; serves the file /answer.
class TlsServer {
 public:
  TlsServer() : port_(free_port()) {
    make_certificate("witness");
    make_certificate("stranger");
    write_file(dir_ / "answer", "HTTP/1.0 200 OK\r\n\r\n{\"epoch\":7}");
    server_ = std::make_unique<Process>(SpawnOptions{
        .argv = {"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port_), "-cert",
                 "witness.crt", "-key", "witness.key", "-HTTP", "-quiet"},
        .output = dir_ / "log",
        .directory = dir_.path()});
    const auto ready = [&] { return std::holds_alternative<net::HttpAnswer>(ask(trusting())); };
    EXPECT_TRUE(eventually(20s, ready)) << read_file(dir_ / "log");
  }

  net::HttpGet trusting() const {
    net::HttpGet get;
    get.host = "witness.test";
    get.address = "127.0.0.1";
    get.port = port_;
    get.path = "/answer";
    get.timeout = 5s;
    get.tls = true;
    get.ca_file = dir_ / "witness.crt";
    return get;
  }
  std::string stranger() const { return dir_ / "stranger.crt"; }
  static std::variant<net::HttpAnswer, HttpFailure> ask(const net::HttpGet& get) {
    return net::http_exchange(get);
  }

 private:
  void make_certificate(const std::string& name) const {
    const auto made =
        run_command({.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                              "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                              "/CN=" + name, "-addext", "subjectAltName=DNS:witness.test",
                              "-keyout", name + ".key", "-out", name + ".crt"},
                     .directory = dir_.path()});
    EXPECT_EQ(made.exit_code, 0) << made.output;
  }

  TempDir dir_;
  std::uint16_t port_;
  std::unique_ptr<Process> server_;
};

std::optional<HttpFailure> failure(const std::variant<net::HttpAnswer, HttpFailure>& outcome) {
  const auto* failed = std::get_if<HttpFailure>(&outcome);
  return failed == nullptr ? std::nullopt : std::optional(*failed);
}

TEST(HttpClientTls, answers_only_who_shows_a_certificate_of_the_authority_for_the_host) {
  const TlsServer server;
  const auto answer = TlsServer::ask(server.trusting());
  ASSERT_TRUE(std::holds_alternative<net::HttpAnswer>(answer));
  EXPECT_EQ(std::get<net::HttpAnswer>(answer).body, "{\"epoch\":7}");

  net::HttpGet by_system = server.trusting();
  by_system.ca_file.clear();
  EXPECT_EQ(failure(TlsServer::ask(by_system)), HttpFailure::tls_failed);
  net::HttpGet by_stranger = server.trusting();
  by_stranger.ca_file = server.stranger();
  EXPECT_EQ(failure(TlsServer::ask(by_stranger)), HttpFailure::tls_failed);
  net::HttpGet no_authority = server.trusting();
  no_authority.ca_file = server.stranger() + ".gone";
  EXPECT_EQ(failure(TlsServer::ask(no_authority)), HttpFailure::tls_failed);
  net::HttpGet other_host = server.trusting();
  other_host.host = "other.test";
  EXPECT_EQ(failure(TlsServer::ask(other_host)), HttpFailure::tls_failed);
}

TEST(HttpClientTls, a_server_without_tls_is_no_answer) {
  const JsonServer plain("{}");
  net::HttpGet get;
  get.host = "127.0.0.1";
  get.port = plain.port();
  get.path = "/";
  get.timeout = 500ms;
  get.tls = true;
  EXPECT_EQ(failure(net::http_exchange(get)), HttpFailure::tls_failed);
}

TEST(HttpClientToken, is_sent_as_a_bearer_and_only_if_it_can_stand_in_a_header) {
  const JsonServer server("{}");
  net::HttpGet get;
  get.host = "witness.test";
  get.address = "127.0.0.1";
  get.port = server.port();
  get.path = "/x?y=1";
  get.bearer_token = "s3cret";
  ASSERT_TRUE(std::holds_alternative<net::HttpAnswer>(net::http_exchange(get)));
  EXPECT_NE(server.last_request().find("GET /x?y=1 HTTP/1.1\r\n"), std::string::npos);
  EXPECT_NE(server.last_request().find("Authorization: Bearer s3cret\r\n"), std::string::npos);
  EXPECT_NE(server.last_request().find("Host: witness.test:" + std::to_string(server.port())),
            std::string::npos)
      << server.last_request();
  for (const char* token : {"a b", "a\r\nX: y", "a\n", "\xc3\xbc"}) {
    get.bearer_token = token;
    EXPECT_EQ(failure(net::http_exchange(get)), HttpFailure::bad_token);
  }
  EXPECT_EQ(server.requests(), 1);
}

TEST(HttpClientCredentials, are_sent_as_basic_authentication_whatever_the_password_holds) {
  const JsonServer server("{}");
  net::HttpGet get;
  get.host = "127.0.0.1";
  get.port = server.port();
  get.path = "/";
  get.credentials = "jo:open:sesame";
  ASSERT_TRUE(std::holds_alternative<net::HttpAnswer>(net::http_exchange(get)));
  EXPECT_NE(server.last_request().find("Authorization: Basic am86b3BlbjpzZXNhbWU=\r\n"),
            std::string::npos)
      << server.last_request();
}

}  // namespace
}  // namespace rpoguard::test
