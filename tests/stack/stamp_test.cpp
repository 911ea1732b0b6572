// Stamps on real servers: the statement that rpoguard prints, a number that was used before, and a
// second stamp that hopes for a waiver.
#include <filesystem>
#include <regex>

#include <gtest/gtest.h>

#include "tests/stack/guarded_shard.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

std::string status_of(const Rpoguard& rpoguard) {
  return run_command(
             {.argv = {RPOGUARD_BINARY, "status", "--config.file=" + rpoguard.config_path()}})
      .output;
}

/// The statement that `rpoguard status` prints for the region; empty: none.
std::string printed_statement(const Rpoguard& rpoguard, const std::string& region) {
  const std::string table = status_of(rpoguard);
  std::smatch match;
  const std::regex form("To stamp a promoted server: (select rpoguard.cluster_promote\\('" +
                        region + "', 'YOUR NAME', above => [0-9]+\\);)\n");
  return std::regex_search(table, match, form) ? match[1].str() : "";
}

nlohmann::json shard_view(const Rpoguard& rpoguard) {
  return rpoguard.ops_json("/api/v1/view").at("shards").at(0);
}

std::string detail_of(const Rpoguard& rpoguard) {
  return shard_view(rpoguard).at("gate").at("detail");
}

/// The epoch of the confirmed writer; 0: none is.
int confirmed_epoch(const Rpoguard& rpoguard) {
  const auto writer = shard_view(rpoguard).at("writer");
  return writer.is_null() ? 0 : writer.at("epoch").get<int>();
}

TEST(Stamp, the_statement_that_is_printed_makes_the_promoted_server_the_writer) {
  GuardedShard guarded;
  RegionPair& shard = guarded.shard;
  Rpoguard& rpoguard = *guarded.rpoguard;
  EXPECT_EQ(printed_statement(rpoguard, "phx"), "") << "there is a writer";
  shard.stamp("iad", "iad-a");
  ASSERT_TRUE(eventually(10s, [&] { return confirmed_epoch(rpoguard) == 2; }));

  // A stamp that never reaches the other region: rpoguard alone knows of the number.
  EXPECT_TRUE(shard.phx_a().becomes("select writer_epoch from rpoguard.cluster_state", "2"));
  shard.phx_a().set_conf("primary_conninfo", "");
  shard.phx_a().reload();
  EXPECT_TRUE(shard.phx_a().becomes("select count(*) from pg_stat_wal_receiver", "0"));
  shard.cut_wan();
  shard.stamp("iad", "iad-a");
  ASSERT_TRUE(eventually(10s, [&] { return confirmed_epoch(rpoguard) == 3; }));
  shard.iad_a().kill9();
  shard.iad_b().kill9();
  shard.heal_wan();
  EXPECT_TRUE(eventually(10s, [&] { return !printed_statement(rpoguard, "phx").empty(); }))
      << status_of(rpoguard);
  const std::string statement = printed_statement(rpoguard, "phx");
  EXPECT_NE(statement.find("above => 3"), std::string::npos) << statement;
  shard.phx_a().promote();
  // Also while its own number is below the highest one.
  const std::string told =
      "phx-a: it accepts writes on epoch 2, which was stamped on timeline 1; now it is on timeline "
      "2: it was promoted since; the highest epoch seen is 3; if it is to be the writer, stamp "
      "it: ";
  EXPECT_TRUE(eventually(10s, [&] { return detail_of(rpoguard) + ";" == told + statement; }))
      << detail_of(rpoguard);
  EXPECT_EQ(printed_statement(rpoguard, "phx"), statement);
  EXPECT_EQ(shard.phx_a().query(statement), "4");
  EXPECT_TRUE(opens(rpoguard));
  EXPECT_EQ(confirmed_epoch(rpoguard), 4);
  EXPECT_EQ(printed_statement(rpoguard, "phx"), "");

  // The old writer comes back, and is alone: it is told nothing of the kind.
  shard.phx_a().kill9();
  shard.iad_a().start();
  EXPECT_TRUE(eventually(15s, [&] {
    return detail_of(rpoguard) ==
           "iad-a: it accepts writes on epoch 3, the highest seen is 4: fence it, then run "
           "pg_rewind or rebuild it";
  })) << detail_of(rpoguard);
  EXPECT_EQ(printed_statement(rpoguard, "iad"), "");
}

TEST(Stamp, a_promotion_that_has_none_is_told_what_to_type) {
  GuardedShard guarded;
  guarded.shard.iad_a().kill9();
  guarded.shard.iad_b().kill9();
  guarded.shard.phx_a().promote();
  const std::string wanted =
      "phx-a: it accepts writes in region phx, but epoch 1 is stamped for region iad; if it is to "
      "be "
      "the writer, stamp it: select rpoguard.cluster_promote('phx', 'YOUR NAME', above => 1)";
  EXPECT_TRUE(eventually(10s, [&] { return detail_of(*guarded.rpoguard) == wanted; }))
      << detail_of(*guarded.rpoguard);
}

enum class Back { restored, rolled_back };

/// The server's data directory as it was at one moment, with the server stopped.
class Snapshot {
 public:
  explicit Snapshot(Server& server) : server_(server) {
    server_.stop();
    copy(server_.data_dir(), dir_ / "data");
    server_.start();
  }
  /// Puts it back. Restored: the server recovers from it onto a new timeline, as from a backup.
  void put_back(Back how) {
    server_.stop("immediate");
    std::filesystem::remove_all(server_.data_dir());
    copy(dir_ / "data", server_.data_dir());
    if (how == Back::restored) {
      write_file(server_.data_dir() + "/recovery.signal", "");
      give_to(unprivileged_user(), server_.data_dir());
      server_.set_conf("restore_command", "false");
    }
    server_.start();
  }

 private:
  static void copy(const std::string& from, const std::string& to) {
    const CommandResult cp = run_command({.argv = {"cp", "-a", from, to}});
    if (cp.exit_code != 0) throw std::runtime_error("cp: " + cp.output);
  }
  TempDir dir_;
  Server& server_;
};

class RepeatedStamp : public ::testing::TestWithParam<Back> {};

// Stamped 4, put back to before, stamped 2, 3, 4 again: a caller that holds epoch 4 is of another
// history.
TEST_P(RepeatedStamp, lets_nobody_in_who_holds_the_number_from_before) {
  GuardedShard guarded;
  RegionPair& shard = guarded.shard;
  Rpoguard& rpoguard = *guarded.rpoguard;
  Snapshot before(shard.iad_a());
  const auto stamp_up_to_four = [&] {
    for (const char* epoch : {"2", "3", "4"}) {
      EXPECT_EQ(shard.iad_a().query("select rpoguard.cluster_promote('iad', 'test')"), epoch);
    }
  };
  stamp_up_to_four();
  shard.iad_a().exec("create table held (n int)");
  shard.iad_a().exec("insert into held select generate_series(1, 100)");
  ASSERT_TRUE(eventually(15s, [&] { return rpoguard.gate("/gate/184?epoch=4")->status == 200; }))
      << rpoguard.log();

  before.put_back(GetParam());
  ASSERT_TRUE(shard.iad_a().becomes("select pg_is_in_recovery()", "f"));
  stamp_up_to_four();
  const auto refused = [&] {
    return detail_of(rpoguard).find(
               "epoch 4, a number that was used before: on iad-a, timeline 1") != std::string::npos;
  };
  EXPECT_TRUE(eventually(10s, refused)) << detail_of(rpoguard);
  int let_in = 0;
  EXPECT_TRUE(holds_for(2s, [&] {
    if (rpoguard.gate("/gate/184?epoch=4")->status == 200) ++let_in;
    return let_in == 0;
  }));
  std::printf(
      "acknowledged on epoch 4: 100 rows; found after it was stamped again: %s; let in: %d\n",
      shard.iad_a().query("select to_regclass('held') is not null")->c_str(), let_in);
  rpoguard.kill9();
  rpoguard.start();
  rpoguard.wait_until_serving();
  EXPECT_TRUE(eventually(10s, refused)) << "after a restart: " << detail_of(rpoguard);
  EXPECT_NE(detail_of(rpoguard).find("above => 4)"), std::string::npos);
  EXPECT_FALSE(rpoguard.gate_open("184"));

  EXPECT_EQ(shard.iad_a().query(printed_statement(rpoguard, "iad")), "5");
  EXPECT_TRUE(eventually(10s, [&] { return confirmed_epoch(rpoguard) == 5; })) << rpoguard.log();
  EXPECT_NE(rpoguard.gate("/gate/184?epoch=4")->status, 200);
}

INSTANTIATE_TEST_SUITE_P(After, RepeatedStamp, ::testing::Values(Back::restored, Back::rolled_back),
                         [](const auto& how) {
                           return how.param == Back::restored ? "a_restore" : "a_rollback";
                         });

TEST(Stamp, of_the_same_writer_once_more_does_not_open_a_gate_that_the_rpo_has_closed) {
  GuardedShard guarded;
  RegionPair& shard = guarded.shard;
  Rpoguard& rpoguard = *guarded.rpoguard;
  shard.iad_a().exec("create table held (n int)");
  shard.cut_wan();
  ASSERT_TRUE(eventually(20s, [&] { return rpoguard.gate_reason("184") == "rpo_exceeded"; }))
      << rpoguard.log();
  shard.stamp("iad", "iad-a");
  ASSERT_TRUE(eventually(10s, [&] { return confirmed_epoch(rpoguard) == 2; })) << rpoguard.log();
  int let_in = 0;
  EXPECT_TRUE(holds_for(2s, [&] {
    if (rpoguard.gate_open("184")) {
      shard.iad_a().exec("insert into held values (1)");
      ++let_in;
    }
    return let_in == 0;
  })) << rpoguard.log();
  EXPECT_EQ(rpoguard.metric("rpoguard_rpo_waived", {{"shard", "184"}}), 0);
  shard.heal_wan();
  EXPECT_TRUE(opens(rpoguard));
  std::printf("let in with the RPO exceeded, after a second stamp: %d rows\n", let_in);
}

}  // namespace
}  // namespace rpoguard::test
