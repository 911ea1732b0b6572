#include "exporter/config/web_file.hpp"

#include <algorithm>
#include <filesystem>

#include "tests/support/certificates.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::config {
namespace {

namespace fs = std::filesystem;

const fs::path kBad = fs::path(RPOGUARD_SOURCE_DIR) / "tests/testdata/config/web_bad";

std::string render_all(const LoadedWeb& loaded) {
  std::string text;
  for (Diagnostic diagnostic : loaded.diagnostics) {
    diagnostic.file = fs::path(diagnostic.file).filename();
    text += render(diagnostic) + "\n";
  }
  return text;
}

std::vector<std::string> bad_files() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kBad)) {
    if (entry.path().extension() == ".yml") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

struct Name {
  std::string operator()(const testing::TestParamInfo<std::string>& info) const {
    return info.param;
  }
};

class BadWebFile : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Config, BadWebFile, testing::ValuesIn(bad_files()), Name{});

TEST_P(BadWebFile, is_refused_with_exactly_these_messages_and_no_secret) {
  const LoadedWeb loaded = load_web_file(kBad / (GetParam() + ".yml"), WebListener::ops);
  EXPECT_FALSE(loaded.spec.has_value());
  const std::string text = render_all(loaded);
  EXPECT_EQ(text, test::read_file(kBad / (GetParam() + ".err")));
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

class WebFile : public ::testing::Test {
 protected:
  LoadedWeb load(const std::string& text, WebListener listener = WebListener::ops) const {
    test::write_file(dir_ / "web.yml", text);
    return load_web_file(dir_ / "web.yml", listener);
  }
  core::WebSpec good(const std::string& text) const {
    const LoadedWeb loaded = load(text);
    EXPECT_TRUE(loaded.spec.has_value()) << render_all(loaded);
    return loaded.spec.value_or(core::WebSpec{});
  }
  test::TempDir dir_;
};

TEST_F(WebFile, reads_every_key_and_the_files_beside_it) {
  fs::create_directory(dir_ / "tls");
  test::write_file(dir_ / "tls/cert", "CERT");
  test::write_file(dir_ / "key", "KEY");
  test::write_file(dir_ / "ca", "CA");
  const core::WebSpec spec = good(
      "tls_server_config:\n"
      "  cert_file: tls/cert\n"
      "  key_file: " +
      (dir_ / "key").string() +
      "\n"
      "  client_ca_file: ca\n"
      "  client_auth_type: RequireAndVerifyClientCert\n"
      "  client_allowed_sans: [a.test, 10.0.0.7]\n"
      "  min_version: TLS12\n"
      "  max_version: TLS12\n"
      "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n"
      "  curve_preferences: [X25519, CurveP384]\n"
      "  prefer_server_cipher_suites: false\n"
      "http_server_config:\n"
      "  http2: true\n"
      "  headers: {X-Frame-Options: deny, X-Content-Type-Options: nosniff}\n"
      "basic_auth_users: {jo: " +
      std::string(test::kSesameHash) + "}\n");
  ASSERT_TRUE(spec.tls.has_value());
  core::TlsSpec expected;
  expected.certificate = "CERT";
  expected.key = "KEY";
  expected.client_ca = "CA";
  expected.client_auth = core::ClientAuth::require_and_verify;
  expected.client_allowed_sans = {"a.test", "10.0.0.7"};
  expected.max_version = core::TlsVersion::tls12;
  expected.cipher_suites = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"};
  expected.curve_preferences = {"X25519", "CurveP384"};
  expected.prefer_server_cipher_suites = false;
  EXPECT_TRUE(*spec.tls == expected);
  const std::vector<std::pair<std::string, std::string>> headers{{"X-Frame-Options", "deny"}};
  EXPECT_EQ(spec.headers, headers) << "nosniff is said anyway";
  EXPECT_EQ(spec.users.at("jo"), test::kSesameHash);
}

TEST_F(WebFile, takes_pem_text_in_place_and_is_safe_by_default) {
  const core::WebSpec spec = good("tls_server_config: {cert: CERT, key: KEY}\n");
  ASSERT_TRUE(spec.tls.has_value());
  EXPECT_EQ(spec.tls->certificate, "CERT");
  EXPECT_EQ(spec.tls->key, "KEY");
  EXPECT_EQ(spec.tls->client_auth, core::ClientAuth::none);
  EXPECT_EQ(spec.tls->min_version, core::TlsVersion::tls12);
  EXPECT_EQ(spec.tls->max_version, core::TlsVersion::tls13);
  EXPECT_TRUE(spec.tls->prefer_server_cipher_suites);
}

TEST_F(WebFile, of_the_gate_has_no_users) {
  const std::string users = "basic_auth_users: {jo: " + std::string(test::kSesameHash) + "}\n";
  EXPECT_TRUE(load(users).spec.has_value());
  const LoadedWeb gate = load(users, WebListener::gate);
  EXPECT_FALSE(gate.spec.has_value());
  EXPECT_NE(render_all(gate).find("the gate checks no passwords"), std::string::npos);
}

TEST_F(WebFile, that_is_not_there_is_one_problem) {
  const LoadedWeb loaded = load_web_file(dir_ / "none.yml", WebListener::ops);
  EXPECT_FALSE(loaded.spec.has_value());
  EXPECT_EQ(loaded.diagnostics.size(), 1U);
}

TEST(Bcrypt, is_told_by_its_form) {
  const std::string hash = test::kSesameHash;
  EXPECT_TRUE(is_bcrypt(hash));
  for (const char* prefix : {"$2a$10$", "$2y$15$", "$2b$09$"})
    EXPECT_TRUE(is_bcrypt(prefix + hash.substr(7))) << prefix;
  for (const char* prefix :
       {"$2x$10$", "$2$110$", "$2b$03$", "$2b$16$", "$2b$1.$", "$2b$0:$", "$2b$1 $"})
    EXPECT_FALSE(is_bcrypt(prefix + hash.substr(7))) << prefix;
  EXPECT_FALSE(is_bcrypt(""));
  EXPECT_FALSE(is_bcrypt(hash.substr(1)));
  EXPECT_FALSE(is_bcrypt(hash + "x"));
  EXPECT_FALSE(is_bcrypt(hash.substr(0, 59) + "!"));
}

}  // namespace
}  // namespace rpoguard::config
