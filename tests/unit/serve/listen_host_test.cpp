#include "exporter/serve/http/listen_host.hpp"

#include <gtest/gtest.h>

namespace rpoguard::serve {
namespace {

TEST(ListenHost, every_address_is_ipv4_alone_only_where_there_is_no_ipv6) {
  EXPECT_EQ(hosts_to_bind({"::", 10187}), (std::vector<std::string>{"::", "0.0.0.0"}));
  EXPECT_EQ(hosts_to_bind({"::1", 10187}), std::vector<std::string>{"::1"});
  EXPECT_TRUE(lacks_ipv6(EAFNOSUPPORT));
  EXPECT_FALSE(lacks_ipv6(EADDRINUSE)) << "another listener must not be left half a port";
  EXPECT_FALSE(lacks_ipv6(EACCES));
}

TEST(ListenHost, callers_of_ipv4_are_shown_as_such) {
  EXPECT_EQ(plain_address("::ffff:10.0.0.1"), "10.0.0.1");
  for (const char* same : {"10.0.0.1", "::1", "2001:db8::ffff:1", "::ffff:a00:1", ""})
    EXPECT_EQ(plain_address(same), same);
}

TEST(ListenHost, of_ipv6_stands_in_brackets) {
  EXPECT_EQ(render_listener("::", 10187), "[::]:10187");
  EXPECT_EQ(render_listener("db.example", 1), "db.example:1");
}

}  // namespace
}  // namespace rpoguard::serve
