// Copies that hold another history than the writer's, on real servers: positions, timeline and
// state look perfect, and none of what the writer acknowledges is on the copy.
#include <csignal>

#include <gtest/gtest.h>

#include "tests/stack/histories.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// Acknowledged rows, and how many of them are on the promoted copy.
void print_loss(const char* what, const Server& writer, const Server& copy) {
  const auto rows = [](const Server& server) {
    return server.query("select count(*) from orders where generation = 2").value_or("?");
  };
  std::printf("%s: %s rows acknowledged, %s of them on the copy\n", what, rows(writer).c_str(),
              rows(copy).c_str());
}

TEST(Lineage, of_copies_that_have_what_their_writer_lost_is_another_until_they_are_readmitted) {
  RegionPair shard;
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.iad_a().exec("create table orders (generation int, n int)");
  shard.cluster().set_synchronous("");
  VolumeSnapshot before(shard.iad_a());
  ASSERT_TRUE(opens(rpoguard)) << "a crash that loses nothing is no other history";
  EXPECT_EQ(lineage_of(rpoguard, "phx-a"), "assumed");

  shard.iad_a().exec("insert into orders select 1, n from generate_series(1, 3000) n");
  ASSERT_TRUE(shard.cluster().caught_up(shard.phx_a(), shard.iad_a()));
  ASSERT_TRUE(opens(rpoguard));
  before.restore();
  EXPECT_TRUE(eventually(20s, [&] { return lineage_of(rpoguard, "phx-a") == "diverged"; }))
      << rpoguard.log();
  EXPECT_FALSE(rpoguard.gate_open("184"));
  // The same rows again: records that line up, so that nobody notices.
  shard.iad_a().exec("insert into orders select 2, n from generate_series(1, 4000) n");
  EXPECT_TRUE(holds_for(3s, [&] { return !rpoguard.gate_open("184"); }));
  EXPECT_EQ(lineage_of(rpoguard, "phx-a"), "diverged");
  EXPECT_NE(rpoguard.log().find("node has diverged"), std::string::npos);
  // An operator who has not rebuilt it is told again.
  const auto readmit = [&] {
    return run_command({.argv = {RPOGUARD_BINARY, "readmit", "184/phx-a", "--by", "jo", "--reason",
                                 "rebuilt", "--config.file=" + rpoguard.config_path()}});
  };
  const CommandResult done = readmit();
  EXPECT_EQ(done.exit_code, 0) << done.output;
  EXPECT_EQ(done.output, "shard 184: phx-a counts again, readmitted by jo: rebuilt\n");
  EXPECT_NE(
      rpoguard.log().find("msg=\"node readmitted\" shard=184 node=phx-a by=jo reason=rebuilt"),
      std::string::npos);
  EXPECT_EQ(readmit().exit_code, 1) << "nothing is held against it now";
  shard.phx_a().promote();
  print_loss("lost WAL", shard.iad_a(), shard.phx_a());
}

TEST(Lineage, goes_on_over_restarts_that_lose_nothing) {
  RegionPair shard;
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));
  const auto load = shard.gateway(rpoguard, 50);
  load->start();
  for (const char* mode : {"fast", "immediate", "kill", "backend", "fast", "immediate"}) {
    SCOPED_TRACE(mode);
    Server& writer = shard.iad_a();
    if (mode == std::string("backend")) {
      const auto pid =
          writer.query("select pid from pg_stat_activity where backend_type = 'walwriter'");
      ASSERT_TRUE(pid);
      ::kill(std::stoi(*pid), SIGKILL);
    } else if (mode == std::string("kill")) {
      writer.kill9();
      writer.start();
    } else {
      writer.stop(mode);
      writer.start();
    }
    const std::size_t seen = rpoguard.log().size();
    EXPECT_TRUE(holds_for(3s, [&] {
      return lineage_of(rpoguard, "phx-a") != "unknown" &&
             lineage_of(rpoguard, "phx-a") != "diverged" &&
             lineage_of(rpoguard, "iad-b") != "unknown" &&
             lineage_of(rpoguard, "iad-b") != "diverged";
    })) << rpoguard.log().substr(seen);
    EXPECT_TRUE(opens(rpoguard, 40s));
  }
}

// Timelines are epochs here, so no stamp tells when it was promoted. The checkpointer stands still:
// the first checkpoint after a promotion takes its time on a server with much to write.
TEST(Lineage, of_a_promotion_while_rpoguard_was_away_is_told_by_the_control_file) {
  RegionPair shard;
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.epoch_source = "timeline";
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  rpoguard.kill9();
  shard.iad_a().kill9();
  Server& promoted = shard.iad_b();
  const auto checkpointer =
      promoted.query("select pid from pg_stat_activity where backend_type = 'checkpointer'");
  ASSERT_TRUE(checkpointer);
  send_signal(std::stoi(*checkpointer), SIGSTOP);
  promoted.promote();
  follow(shard.phx_a(), promoted);
  EXPECT_TRUE(shard.cluster().caught_up(shard.phx_a(), promoted));

  rpoguard.start();
  rpoguard.wait_until_serving();
  EXPECT_TRUE(eventually(20s, [&] { return lineage_of(rpoguard, "phx-a") != "none"; }))
      << rpoguard.log();
  EXPECT_EQ(lineage_of(rpoguard, "phx-a"), "assumed") << node_json(rpoguard, "phx-a");
  send_signal(std::stoi(*checkpointer), SIGCONT);
}

}  // namespace
}  // namespace rpoguard::test
