#include "exporter/run/web_keeper.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "exporter/run/system_clock.hpp"

#include "tests/support/certificates.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tls_client.hpp"

namespace rpoguard::run {
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

// Does the listener let in a client that shows this certificate, or none if it is empty?
bool lets_in(WebKeeper& keeper, const std::filesystem::path& directory, const std::string& shown,
             int version = 0) {
  const auto server = keeper.guard(WebListener::ops)->new_session();
  test::TlsClient client(version);
  if (!shown.empty()) client.show(directory / (shown + ".crt"), directory / (shown + ".key"));
  std::string ignored;
  auto state = serve::TlsSession::State::open;
  for (std::string wire = client.turn("");
       !wire.empty() && state == serve::TlsSession::State::open;) {
    state = server->receive(wire, ignored);
    wire = client.turn(server->take_wire());
  }
  return state == serve::TlsSession::State::open && server->established();
}

// A look may come while somebody writes, and a disk may be full.
TEST_F(WebKeeperTest, no_part_of_the_file_lets_in_whom_the_whole_does_not) {
  test::make_authority(dir_.path(), "ca");
  test::make_certificate(dir_.path(), "friend", {.authority = "ca", .san = "DNS:friend.test"});
  test::make_certificate(dir_.path(), "other", {.authority = "ca", .san = "DNS:other.test"});
  const std::string whole =
      "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n  client_ca_file: ca.crt\n"
      "  client_auth_type: RequireAndVerifyClientCert\n  min_version: TLS13\n"
      "  client_allowed_sans:\n    - friend.test\n";
  write_file(dir_ / "web.yml", whole);
  ASSERT_EQ(keeper_.open({.ops = path()}), "");
  const auto expect_strict = [&](std::size_t bytes) {
    EXPECT_FALSE(lets_in(keeper_, dir_.path(), "")) << whole.substr(0, bytes);
    EXPECT_FALSE(lets_in(keeper_, dir_.path(), "other")) << whole.substr(0, bytes);
    EXPECT_FALSE(lets_in(keeper_, dir_.path(), "friend", TLS1_2_VERSION)) << whole.substr(0, bytes);
  };
  ASSERT_TRUE(lets_in(keeper_, dir_.path(), "friend"));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    write_file(dir_ / "web.yml", whole.substr(0, bytes));
    keeper_.look();
    expect_strict(bytes);
  }
  write_file(dir_ / "web.yml", whole);
  keeper_.look();
  EXPECT_TRUE(lets_in(keeper_, dir_.path(), "friend"));
  EXPECT_GT(failures(), 0U);
}

TEST_F(WebKeeperTest, may_become_stricter_without_a_restart) {
  ASSERT_EQ(keeper_.open({.ops = path()}), "");
  ASSERT_TRUE(lets_in(keeper_, dir_.path(), ""));
  write_file(dir_ / "web.yml",
             "tls_server_config: {cert_file: a.crt, key_file: a.key, client_ca_file: a.crt, "
             "client_auth_type: RequireAndVerifyClientCert}\n");
  keeper_.look();
  EXPECT_FALSE(lets_in(keeper_, dir_.path(), ""));
  EXPECT_EQ(failures(), 0U);
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
}  // namespace rpoguard::run
