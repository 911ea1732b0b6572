#include "exporter/cli/ops_target.hpp"

#include <gtest/gtest.h>

namespace rpoguard::cli {
namespace {

TEST(OpsTarget, of_a_listener_on_every_address_is_the_loopback) {
  EXPECT_EQ(target_of({"0.0.0.0", 10187}).host, "127.0.0.1");
  EXPECT_EQ(target_of({"::", 10187}).host, "::1");
  EXPECT_EQ(target_of({"10.0.0.7", 10187}).host, "10.0.0.7");
}

TEST(OpsTarget, is_the_default_address_when_nothing_is_named) {
  const auto target = find_target("", "");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target.value().host, "127.0.0.1");
  EXPECT_EQ(target.value().port, 10187);
}

TEST(OpsTarget, comes_from_a_url) {
  const auto target = find_target("http://[::1]:9/", "");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target.value().host, "::1");
  EXPECT_EQ(target.value().port, 9);
  EXPECT_EQ(find_target("http://ops.example", "").value().port, 80) << "as in any URL";
  for (const char* bad : {"127.0.0.1:9", "http://", "http://x:0", "http://x:65536", "https://x:9",
                          "http://:9", "http://jo:secret@x:9", "http://x:9/metrics"})
    EXPECT_FALSE(find_target(bad, "").ok()) << bad;
}

TEST(OpsTarget, is_an_error_when_the_file_is_not_there) {
  EXPECT_FALSE(find_target("", "/no/such/file").ok());
}

}  // namespace
}  // namespace rpoguard::cli
