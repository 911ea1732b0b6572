// A gateway that reads the lease page of the real program.
#include <filesystem>

#include <gtest/gtest.h>

#include "exporter/serve/lease/rpoguard_lease.h"

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

// Maps the page once it is there, and never refreshes it unasked.
class Gateway {
 public:
  explicit Gateway(std::string path) : path_(std::move(path)) {
    EXPECT_TRUE(eventually(20s, [&] { return rpoguard_lease_map(&page_, path_.c_str()) == 0; }));
  }
  ~Gateway() { rpoguard_lease_unmap(&page_); }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  bool open(const std::string& shard = "184") const {
    return rpoguard_lease_open(find(shard), 0) != 0;
  }
  bool opens(const std::string& shard = "184") {
    return eventually(30s, [&] {
      rpoguard_lease_refresh(&page_, path_.c_str());
      return open(shard);
    });
  }
  /// Runs until the lease is closed; the last moment at which it was seen open.
  core::Instant last_open() const {
    core::Instant last{};
    EXPECT_TRUE(eventually(
        60s,
        [&] {
          const core::Instant before = boottime();
          if (open()) last = before;
          return !open();
        },
        2ms));
    return last;
  }
  core::Instant deadline() const {
    rpoguard_lease lease{};
    EXPECT_EQ(rpoguard_lease_read(find("184"), &lease), 0);
    return core::Instant(core::Duration(static_cast<std::int64_t>(lease.open_until_ns)));
  }
  std::string reason() const {
    rpoguard_lease lease{};
    EXPECT_EQ(rpoguard_lease_read(find("184"), &lease), 0);
    return lease.reason;
  }
  const rpoguard_lease_record* find(const std::string& shard) const {
    return rpoguard_lease_find(&page_, shard.c_str());
  }
  bool refresh() { return rpoguard_lease_refresh(&page_, path_.c_str()) != 0; }

 private:
  std::string path_;
  rpoguard_lease_page page_{};
};

class LeasePageStack : public ::testing::Test {
 protected:
  RpoguardConfig config() const {
    auto config = RegionPair::rpoguard_config({&shard_});
    config.process = "lease: {path: " + path_ + "}\n";
    return config;
  }

  RegionPair shard_;
  TempDir dir_;
  std::string path_ = dir_ / "lease";
};

TEST_F(LeasePageStack, runs_out_when_rpoguard_is_killed_or_stopped) {
  Rpoguard rpoguard(config());
  Gateway gateway(path_);
  ASSERT_TRUE(gateway.opens()) << rpoguard.log();

  rpoguard.sigstop();
  const core::Instant stopped_until = gateway.deadline();
  EXPECT_LT(gateway.last_open(), stopped_until);
  EXPECT_EQ(gateway.deadline(), stopped_until) << "nobody writes";
  rpoguard.sigcont();
  EXPECT_TRUE(eventually(30s, [&] { return gateway.open(); })) << "the same page goes on";

  rpoguard.kill9();
  const core::Instant killed_until = gateway.deadline();
  EXPECT_LT(gateway.last_open(), killed_until);
  EXPECT_EQ(gateway.deadline(), killed_until);

  rpoguard.start();
  ASSERT_TRUE(starts_open(rpoguard, 30s));
  EXPECT_FALSE(gateway.open()) << "an old mapping stays closed";
  EXPECT_TRUE(gateway.opens());
}

TEST_F(LeasePageStack, closes_with_the_gate_and_at_an_orderly_end) {
  Rpoguard rpoguard(config());
  Gateway gateway(path_);
  ASSERT_TRUE(gateway.opens()) << rpoguard.log();
  shard_.cut_wan();
  const core::Instant cut = boottime();
  EXPECT_LT(gateway.last_open() - cut, 5s + 200ms) << "RPO 5 s";
  EXPECT_TRUE(eventually(5s, [&] { return gateway.reason() == "rpo_exceeded"; }))
      << gateway.reason();
  shard_.heal_wan();
  ASSERT_TRUE(gateway.opens());
  EXPECT_EQ(rpoguard.stop(), 0);
  EXPECT_FALSE(gateway.open());
}

TEST_F(LeasePageStack, is_closed_when_the_freeze_command_returns) {
  Rpoguard rpoguard(config());
  Gateway gateway(path_);
  ASSERT_TRUE(gateway.opens()) << rpoguard.log();
  const auto command = [&](std::vector<std::string> words) {
    words.insert(words.begin(), RPOGUARD_BINARY);
    words.push_back("--config.file=" + rpoguard.config_path());
    return run_command({.argv = std::move(words)});
  };
  const CommandResult frozen = command({"freeze", "184", "--reason", "moving it"});
  EXPECT_FALSE(gateway.open());
  EXPECT_EQ(frozen.exit_code, 0) << frozen.output;
  EXPECT_EQ(gateway.reason(), "frozen");
  EXPECT_EQ(command({"unfreeze", "184"}).exit_code, 0);
  EXPECT_TRUE(gateway.opens());
}

TEST_F(LeasePageStack, a_reload_that_adds_or_removes_shards_takes_old_readers_along) {
  Rpoguard rpoguard(config());
  Gateway gateway(path_);
  ASSERT_TRUE(gateway.opens()) << rpoguard.log();

  auto two = config();
  two.shards.push_back(two.shards.front());
  two.shards.back().id = "185";
  rpoguard.write_config(two);
  rpoguard.sighup();
  ASSERT_TRUE(eventually(20s, [&] { return gateway.refresh(); })) << rpoguard.log();
  EXPECT_TRUE(gateway.open("184")) << "no gap for a shard that stays";
  ASSERT_TRUE(gateway.opens("185"));

  write_file(rpoguard.config_path(), "nonsense: 1\n");
  rpoguard.sighup();
  ASSERT_TRUE(eventually(20s, [&] {
    return rpoguard.metric("rpoguard_config_last_reload_successful") == 0.0;
  })) << rpoguard.log();
  EXPECT_FALSE(gateway.refresh());
  EXPECT_TRUE(gateway.open("184") && gateway.open("185"));

  rpoguard.write_config(config());
  rpoguard.sighup();
  ASSERT_TRUE(eventually(20s, [&] { return !gateway.open("185"); }));
  EXPECT_TRUE(gateway.opens("184"));
  EXPECT_EQ(gateway.find("185"), nullptr);
}

TEST_F(LeasePageStack, without_room_for_the_page_all_else_works) {
  path_ = dir_ / "missing" / "lease";
  Rpoguard rpoguard(config());
  ASSERT_TRUE(starts_open(rpoguard));
  EXPECT_NE(rpoguard.log().find("cannot create the lease page"), std::string::npos)
      << rpoguard.log();
  std::filesystem::create_directory(dir_ / "missing");
  Gateway gateway(path_);
  EXPECT_TRUE(gateway.opens()) << "it is made as soon as it can be";
}

}  // namespace
}  // namespace rpoguard::test
