// RPO 0 whose ground is taken away without a word: real settings, changed on a real writer.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kProbeInterval = 1s;
constexpr core::Duration kNoticedWithin = kProbeInterval + 500ms;

struct Downgrade {
  const char* name;
  std::vector<const char*> apply;  ///< a statement each: ALTER SYSTEM stands alone
  std::vector<const char*> undo;
  const char* detail;  ///< part of what the gate says
};

std::ostream& operator<<(std::ostream& out, const Downgrade& downgrade) {
  return out << downgrade.name;
}

constexpr const char* kReload = "select pg_reload_conf()";

const std::vector<Downgrade>& downgrades() {
  static const std::vector<Downgrade> all{
      {"synchronous_standby_names_emptied",
       {"alter system set synchronous_standby_names = ''", kReload},
       {"alter system reset synchronous_standby_names", kReload},
       "synchronous_standby_names is empty"},
      {"a_copy_of_the_same_region_may_answer_first",
       {R"(alter system set synchronous_standby_names = 'ANY 1 ("phx-a", "iad-b")')", kReload},
       {"alter system reset synchronous_standby_names", kReload},
       "sure to be on 0 of the 1 counted copies"},
      {"synchronous_commit_local_for_the_server",
       {"alter system set synchronous_commit = local", kReload},
       {"alter system reset synchronous_commit", kReload},
       "synchronous_commit is local"},
      {"synchronous_commit_off_for_a_role",
       {"alter role app set synchronous_commit = off"},
       {"alter role app reset synchronous_commit"},
       "lowered for role app: off"},
      {"synchronous_commit_local_for_a_role",
       {"alter role app set synchronous_commit = local"},
       {"alter role app reset synchronous_commit"},
       "lowered for role app: local"},
  };
  return all;
}

class SilentDowngrade : public ::testing::TestWithParam<Downgrade> {
 protected:
  void run(const std::vector<const char*>& statements) {
    Session session = shard_.iad_a().connect();
    for (const char* statement : statements) session.rows(statement);
  }
  static RpoguardConfig config(const RegionPair& shard) {
    RpoguardConfig config = RegionPair::rpoguard_config({&shard});
    config.rpo = "0s";
    config.defaults = "gate: {reopen_after: 500ms}\n";
    return config;
  }
  std::optional<double> downgraded() const {
    return rpoguard_->metric("rpoguard_synchronous_downgraded", {{"shard", "184"}});
  }

  RegionPair shard_;
  std::unique_ptr<Rpoguard> rpoguard_;
};

TEST_P(SilentDowngrade, closes_the_gate_and_shows_until_it_is_undone) {
  shard_.iad_a().exec("create role app login");
  shard_.cluster().set_synchronous("phx-a");
  rpoguard_ = std::make_unique<Rpoguard>(config(shard_));
  ASSERT_TRUE(starts_open(*rpoguard_));
  EXPECT_EQ(downgraded(), 0);

  const core::Instant applied = boottime();
  run(GetParam().apply);
  ASSERT_TRUE(eventually(
      10s, [&] { return !rpoguard_->gate_open("184"); }, 5ms))
      << rpoguard_->log();
  const core::Duration closed = boottime() - applied;
  ASSERT_TRUE(eventually(
      10s, [&] { return downgraded() == 1; }, 5ms));
  const core::Duration shown = boottime() - applied;
  EXPECT_LE(closed, kNoticedWithin) << render_seconds(closed) << " s";
  EXPECT_LE(shown, kNoticedWithin) << render_seconds(shown) << " s";
  std::printf("%s: gate closed after %s s, metric after %s s\n", GetParam().name,
              render_seconds(closed).c_str(), render_seconds(shown).c_str());
  EXPECT_EQ(rpoguard_->gate_reason("184"), "rpo_exceeded");
  const std::string view = rpoguard_->ops_json("/api/v1/view").dump();
  EXPECT_NE(view.find(GetParam().detail), std::string::npos) << view;
  EXPECT_TRUE(holds_for(2s, [&] { return !rpoguard_->gate_open("184") && downgraded() == 1; }));

  run(GetParam().undo);
  EXPECT_TRUE(opens(*rpoguard_));
  EXPECT_EQ(downgraded(), 0);
}

INSTANTIATE_TEST_SUITE_P(Real, SilentDowngrade, ::testing::ValuesIn(downgrades()),
                         [](const auto& downgrade) { return downgrade.param.name; });

}  // namespace
}  // namespace rpoguard::test
