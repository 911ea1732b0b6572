#include "exporter/serve/http/host_guard.hpp"

#include <gtest/gtest.h>

namespace rpoguard::serve {
namespace {

TEST(HostGuard, knows_names_that_no_web_page_can_have) {
  for (const char* host :
       {"", "127.0.0.1", "127.0.0.1:10187", "10.1.2.3", "[::1]", "[::1]:10187", "[fe80::1%25eth0]",
        "localhost", "localhost:10187", "LOCALHOST", "rpoguard", "rpoguard:10187",
        "rpoguard.db.svc", "rpoguard.db.svc.cluster.local:10187", "rpoguard.db.svc.cluster.local.",
        "pc.home.arpa", "guard.prod.internal", "guard.Prod.Internal:1"})
    EXPECT_TRUE(is_own_host(host, {})) << host;
  for (const char* host :
       {"evil.example.com", "evil.example.com:10187", "127.0.0.1.evil.com", "localhost.evil.com",
        "evil.com.", "internal.com", "1.2.3.4x.com", "svc.com:1", "user@evil.com", "a.b@c.d"})
    EXPECT_FALSE(is_own_host(host, {})) << host;
}

TEST(HostGuard, knows_the_names_that_it_is_told) {
  const std::vector<std::string> more{"Guard.example.com", "*.db.example.com"};
  for (const char* host :
       {"guard.example.com", "GUARD.example.com:10187", "a.db.example.com", "a.b.db.example.com"})
    EXPECT_TRUE(is_own_host(host, more)) << host;
  for (const char* host :
       {"x.guard.example.com", "db.example.com", "xdb.example.com", "a.db.example.com.evil.com"})
    EXPECT_FALSE(is_own_host(host, more)) << host;
  EXPECT_TRUE(is_own_host("evil.example.com", {"*"}));
}

TEST(HostGuard, turns_a_page_of_another_name_away) {
  const HttpHandler guarded =
      with_own_host([](const HttpRequest&) { return text_response(200, "secret\n"); }, {});
  HttpRequest request;
  EXPECT_EQ(guarded(request).status, 200) << "no browser leaves it out";
  request.headers["host"] = "127.0.0.1:10187";
  EXPECT_EQ(guarded(request).status, 200);
  request.headers["host"] = "evil.example.com:10187";
  const HttpResponse refused = guarded(request);
  EXPECT_EQ(refused.status, 421);
  EXPECT_EQ(refused.body.find("secret"), std::string::npos);
  EXPECT_NE(refused.body.find("listen.ops_hosts"), std::string::npos);
  request.authenticated = true;
  EXPECT_EQ(guarded(request).status, 200);
}

}  // namespace
}  // namespace rpoguard::serve
