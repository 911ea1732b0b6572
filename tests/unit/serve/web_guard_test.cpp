#include "exporter/serve/http/web_guard.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "exporter/serve/http/http_message.hpp"

#include "tests/support/certificates.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using serve::HttpRequest;
using serve::HttpResponse;

constexpr const char* kGuardJoSesame = "Basic am86c2VzYW1l";

class WebGuardTest : public ::testing::Test {
 protected:
  HttpResponse ask(const std::string& authorization, const std::string& path = "/") {
    HttpRequest asked = request(path);
    if (!authorization.empty()) asked.headers["authorization"] = authorization;
    return serve::guarded(guard_, handler_, own_key_)(asked);
  }
  static core::WebSpec with_users() {
    core::WebSpec spec;
    spec.users = {{"jo", kSesameHash}};
    spec.headers = {{"X-Frame-Options", "deny"}};
    return spec;
  }

  serve::WebGuard guard_{"ops"};
  serve::HttpHandler handler_ = [this](const HttpRequest& asked) {
    ++asked_;
    HttpResponse response =
        serve::text_response(200, asked.authenticated ? "authenticated" : "anybody");
    response.headers.emplace_back("X-Frame-Options", "sameorigin");
    return response;
  };
  std::function<bool(const HttpRequest&)> own_key_;
  int asked_ = 0;
};

TEST_F(WebGuardTest, without_a_file_everybody_is_let_in_and_nobody_authenticated) {
  EXPECT_EQ(ask("").body, "anybody");
  EXPECT_EQ(ask(kGuardJoSesame).body, "anybody");
  EXPECT_EQ(guard_.new_session(), nullptr);
  EXPECT_EQ(guard_.stats().certificate_expiry, std::nullopt);
}

TEST_F(WebGuardTest, with_users_only_they_reach_the_handler) {
  ASSERT_TRUE(guard_.apply(with_users()).ok());
  const HttpResponse refused = ask("");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(ask("Basic am86b3Blbg==").status, 401);
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ(ask(kGuardJoSesame).body, "authenticated");
}

TEST_F(WebGuardTest, configured_headers_are_in_every_answer_once) {
  ASSERT_TRUE(guard_.apply(with_users()).ok());
  for (const char* authorization : {"", kGuardJoSesame}) {
    const HttpResponse response = ask(authorization);
    const auto& headers = response.headers;
    EXPECT_EQ(
        std::ranges::count(headers, std::pair<std::string, std::string>("X-Frame-Options", "deny")),
        1);
    EXPECT_EQ(std::ranges::count(headers, "X-Frame-Options", [](const auto& h) { return h.first; }),
              1);
  }
}

TEST_F(WebGuardTest, who_brings_a_key_of_another_kind_is_left_to_the_handler) {
  own_key_ = [](const HttpRequest& asked) { return asked.path == "/-/freeze"; };
  ASSERT_TRUE(guard_.apply(with_users()).ok());
  EXPECT_EQ(ask("Bearer x").status, 401);
  EXPECT_EQ(ask("Bearer x", "/-/freeze").body, "anybody") << "not authenticated by the listener";
}

TEST_F(WebGuardTest, users_and_tls_neither_come_nor_go) {
  ASSERT_TRUE(guard_.apply(with_users()).ok());
  EXPECT_FALSE(guard_.apply({}).ok());
  EXPECT_EQ(ask("").status, 401);
  core::WebSpec other = with_users();
  other.users = {{"ana", kSesameHash}};
  EXPECT_TRUE(guard_.apply(other).ok());
  EXPECT_EQ(ask(kGuardJoSesame).status, 401);
  EXPECT_EQ(ask("Basic YW5hOnNlc2FtZQ==").status, 200);
  other.tls = core::TlsSpec{};
  EXPECT_FALSE(guard_.apply(other).ok()) << "no certificate either";
}

TEST_F(WebGuardTest, each_demand_on_a_client_may_grow_but_not_shrink) {
  const TempDir dir;
  make_authority(dir.path(), "a");
  core::WebSpec strict;
  strict.tls = core::TlsSpec{.certificate = read_file(dir / "a.crt"),
                             .key = read_file(dir / "a.key"),
                             .client_ca = read_file(dir / "a.crt"),
                             .client_auth = core::ClientAuth::verify_if_given,
                             .client_allowed_sans = {"friend.test"},
                             .min_version = core::TlsVersion::tls13};
  ASSERT_TRUE(guard_.apply(strict).ok());
  const auto changed = [&](const auto& change) {
    core::WebSpec spec = strict;
    change(*spec.tls);
    const auto applied = guard_.apply(spec);
    return applied.ok() ? "" : applied.error().message;
  };
  for (const auto auth :
       {core::ClientAuth::none, core::ClientAuth::request, core::ClientAuth::require_any})
    EXPECT_NE(changed([&](core::TlsSpec& tls) { tls.client_auth = auth; }), "");
  EXPECT_NE(changed([](core::TlsSpec& tls) { tls.min_version = core::TlsVersion::tls12; }), "");
  EXPECT_NE(changed([](core::TlsSpec& tls) { tls.client_allowed_sans.clear(); }), "");
  EXPECT_EQ(changed([](core::TlsSpec& tls) { tls.client_allowed_sans = {"other.test"}; }), "");
  EXPECT_EQ(
      changed([](core::TlsSpec& tls) { tls.client_auth = core::ClientAuth::require_and_verify; }),
      "");
  EXPECT_NE(changed([](const core::TlsSpec&) {}), "") << "weaker than what came in between";
}

TEST_F(WebGuardTest, counts) {
  guard_.count_reload_failure();
  guard_.count_handshake_failure();
  guard_.count_handshake_failure();
  const serve::WebStats stats = guard_.stats();
  EXPECT_EQ(stats.listener, "ops");
  EXPECT_EQ(stats.reload_failures, 1U);
  EXPECT_EQ(stats.handshake_failures, 2U);
}

}  // namespace
}  // namespace rpoguard::test
