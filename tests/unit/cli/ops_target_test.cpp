#include "exporter/cli/ops_target.hpp"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace rpoguard::cli {
namespace {

TEST(OpsTarget, of_a_listener_on_every_address_is_the_loopback) {
  EXPECT_EQ(target_of({"0.0.0.0", 10187}).host, "127.0.0.1");
  EXPECT_EQ(target_of({"::", 10187}).host, "127.0.0.1");
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
  EXPECT_FALSE(target.value().tls);
  EXPECT_EQ(find_target("http://ops.example", "").value().port, 80) << "as in any URL";
  EXPECT_EQ(find_target("https://ops.example", "").value().port, 443);
  EXPECT_TRUE(find_target("https://ops.example", "").value().tls);
  for (const char* bad : {"127.0.0.1:9", "http://", "http://x:0", "http://x:65536", "http://:9",
                          "http://jo:secret@x:9", "http://x:9/metrics"})
    EXPECT_FALSE(find_target(bad, "").ok()) << bad;
}

TEST(OpsTarget, is_asked_with_what_the_files_give) {
  const test::TempDir dir;
  test::write_file(dir / "user", "jo:open:sesame\n");
  Access access;
  access.user_file = dir / "user";
  const auto plain = request_to({"h", 9}, access);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain.value().host, "h");
  EXPECT_EQ(plain.value().port, 9);
  EXPECT_EQ(plain.value().credentials, "jo:open:sesame");
  EXPECT_FALSE(plain.value().tls);
  EXPECT_TRUE(request_to({"h", 9, true}, {}).value().tls);
  EXPECT_TRUE(request_to({"h", 9}, {.ca_file = "ca"}).value().tls);
  EXPECT_FALSE(request_to({"h", 9}, {.user_file = "/no/such/file"}).ok());
  EXPECT_FALSE(request_to({"h", 9}, {.cert_file = "c", .key_file = "k"}).ok())
      << "it would not be shown";
}

TEST(OpsTarget, of_a_health_check_is_the_health_listener_if_there_is_one) {
  const test::TempDir dir;
  const std::string file = dir / "rpoguard.yml";
  const std::string shards =
      "defaults: {rpo: 5s, connect: {dbname: a, user: b}}\n"
      "shards: [{id: s, home_region: iad, nodes: [{name: a, region: iad, host: h}, "
      "{name: b, region: phx, host: i}]}]\n";
  test::write_file(file, "listen: {ops: \"127.0.0.1:7\", health: \"0.0.0.0:9\"}\n" + shards);
  EXPECT_EQ(find_target("", file).value().port, 7);
  EXPECT_EQ(find_life_target("", file).value().port, 9);
  EXPECT_EQ(find_life_target("", file).value().host, "127.0.0.1");
  EXPECT_EQ(find_life_target("http://h:5", file).value().port, 5);
  test::write_file(file, "listen: {ops: \"127.0.0.1:7\"}\n" + shards);
  EXPECT_EQ(find_life_target("", file).value().port, 7);
}

TEST(OpsTarget, is_an_error_when_the_file_is_not_there) {
  EXPECT_FALSE(find_target("", "/no/such/file").ok());
}

}  // namespace
}  // namespace rpoguard::cli
