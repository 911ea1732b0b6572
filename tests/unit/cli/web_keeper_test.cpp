#include "exporter/cli/web_keeper.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "exporter/cli/system_clock.hpp"

#include "tests/support/certificates.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::cli {
namespace {

using config::WebListener;
using test::read_file;
using test::write_file;

constexpr const char* kTls = "tls_server_config: {cert_file: a.crt, key_file: a.key}\n";

class WebKeeperTest : public ::testing::Test {
 protected:
  WebKeeperTest() {
    test::make_authority(dir_.path(), "a");
    write_file(dir_ / "web.yml", kTls);
  }
  std::string path() const { return dir_ / "web.yml"; }
  std::uint64_t failures() const { return keeper_.stats().at(0).reload_failures; }
  core::WallTime expiry() const { return *keeper_.stats().at(0).certificate_expiry; }

  test::TempDir dir_;
  SystemClock clock_;
  WebKeeper keeper_{clock_};
};

TEST_F(WebKeeperTest, guards_only_the_listeners_that_have_a_file) {
  EXPECT_EQ(keeper_.open({.gate = path()}), "");
  EXPECT_EQ(keeper_.guard(WebListener::ops), nullptr);
  ASSERT_NE(keeper_.guard(WebListener::gate), nullptr);
  EXPECT_NE(keeper_.guard(WebListener::gate)->new_session(), nullptr);
  EXPECT_EQ(keeper_.stats().at(0).listener, "gate");
}

TEST_F(WebKeeperTest, takes_over_what_has_changed_however_it_was_replaced) {
  ASSERT_EQ(keeper_.open({.ops = path()}), "");
  const core::WallTime before = expiry();
  test::make_authority(dir_.path(), "ca");
  test::make_certificate(dir_.path(), "b", {.authority = "ca", .days = 30});
  // The directory of a Kubernetes secret: one link, swapped.
  write_file(dir_ / "web.yml", "tls_server_config: {cert_file: now/b.crt, key_file: now/b.key}\n");
  keeper_.look();
  EXPECT_EQ(failures(), 1U) << "there is no such directory yet";
  EXPECT_EQ(expiry(), before);
  std::filesystem::create_directory_symlink(dir_.path(), dir_ / "now");
  keeper_.look();
  EXPECT_GT(expiry(), before + std::chrono::hours(24));
  EXPECT_EQ(failures(), 1U);
}

TEST_F(WebKeeperTest, what_is_broken_changes_nothing_and_is_counted_once) {
  ASSERT_EQ(keeper_.open({.ops = path()}), "");
  const core::WallTime before = expiry();
  for (const char* text : {"", "tls_server_config: {}\n", "http_server_config: {http2: true}\n"}) {
    write_file(dir_ / "web.yml", text);
    const std::uint64_t so_far = failures();
    keeper_.look();
    keeper_.look();
    EXPECT_EQ(failures(), so_far + 1) << text;
    EXPECT_EQ(expiry(), before);
    EXPECT_NE(keeper_.guard(WebListener::ops)->new_session(), nullptr);
  }
  std::filesystem::remove(dir_ / "web.yml");
  keeper_.look();
  EXPECT_EQ(failures(), 4U);
  write_file(dir_ / "web.yml", kTls);
  keeper_.look();
  EXPECT_EQ(failures(), 4U);
}

TEST_F(WebKeeperTest, ends_at_once) {
  ASSERT_EQ(keeper_.open({.ops = path()}), "");
  keeper_.start();
  keeper_.stop();
  keeper_.stop();
}

TEST_F(WebKeeperTest, a_check_finds_what_a_client_would) {
  const core::WallTime now = clock_.wall();
  EXPECT_EQ(check_web_file(path(), WebListener::ops, now), "");
  EXPECT_EQ(check_web_file(path(), WebListener::ops, now + std::chrono::hours(72)),
            path() + ": tls_server_config.cert_file: the certificate has ended\n");
  write_file(dir_ / "a.key", "none");
  EXPECT_NE(check_web_file(path(), WebListener::gate, now).find("key_file: no private key"),
            std::string::npos);
}

}  // namespace
}  // namespace rpoguard::cli
