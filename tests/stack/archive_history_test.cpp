// The WAL archive as the only copy of a writer that has lost WAL: the archive holds what was lost,
// under the names of what is written instead.
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/stack/histories.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// iad-a and its archive, which phx could restore from. Each call of segments() fills and archives
/// so many.
class ArchiveOfOne {
 public:
  ArchiveOfOne() { iad_a().exec(kOrdersSql); }
  Server& iad_a() { return cluster_.writer(); }
  RpoguardConfig config() {
    RpoguardConfig config;
    config.rpo = "20s";
    config.defaults = "gate: {reopen_after: 500ms}\n";
    config.shards = {{.nodes = {{.name = "iad-a", .region = "iad", .port = iad_a().port()}},
                      .extra = "allowed_regions: [iad, phx]\n"
                               "archive: {source: directory, directory: " +
                               cluster_.archive_dir() +
                               ", interval: 200ms, readable_from: [phx]}"}};
    return config;
  }
  void segments(int history, int count) {
    for (int i = 0; i < count; ++i) {
      place_orders(iad_a(), history, 20, Records::do_not);
      iad_a().exec("select pg_switch_wal()");
    }
  }
  bool all_archived() {
    return iad_a().becomes(
        "select last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - "
        "pg_size_bytes(current_setting('wal_segment_size')) - 100) from "
        "pg_stat_archiver",
        "t");
  }
  /// What the operator does: all that was archived of `name` and later goes away.
  void empty_from(const std::string& name) const {
    for (const auto& file : std::filesystem::directory_iterator(cluster_.archive_dir())) {
      if (file.path().filename().string() >= name) std::filesystem::remove(file.path());
    }
  }
  void take_backup() {
    const TempDir dir;
    const CommandResult backup = run_command(
        {.argv = {postgres_bindir() + "/pg_basebackup", "--no-sync", "--checkpoint=fast", "-X",
                  "none", "-D", dir / "backup", "-d", iad_a().conninfo()}});
    if (backup.exit_code != 0) throw std::runtime_error(backup.output);
  }
  std::string segment_now() {
    return *iad_a().query("select pg_walfile_name(pg_current_wal_lsn())");
  }

 private:
  Cluster cluster_{{.archiving = true}};
};

TEST(ArchiveOfLostWal, proves_nothing_until_a_backup_is_taken_that_begins_beyond_it) {
  ArchiveOfOne shard;
  Rpoguard rpoguard(shard.config());
  rpoguard.wait_until_serving();
  shard.segments(0, 1);
  ASSERT_TRUE(opens(rpoguard));
  VolumeSnapshot before(shard.iad_a());
  const std::string goes_on = shard.segment_now();
  shard.segments(1, 3);
  ASSERT_TRUE(shard.all_archived());
  const std::string lost_until = shard.segment_now();
  ASSERT_TRUE(opens(rpoguard));

  const auto keeps_closed = [&](const char* when) {
    EXPECT_TRUE(holds_for(1500ms, [&] { return !rpoguard.gate_open("184"); })) << when;
    const auto archive = rpoguard.ops_json("/api/v1/view").at("shards")[0].at("archive");
    EXPECT_TRUE(archive.at("frontier").is_null()) << when << archive;
  };
  before.restore();
  ASSERT_TRUE(eventually(10s, [&] { return !rpoguard.gate_open("184"); })) << rpoguard.log();
  keeps_closed("while the writer is behind");
  shard.segments(2, 5);
  ASSERT_GT(shard.segment_now(), lost_until);
  keeps_closed("when it has passed");
  shard.iad_a().restart();
  keeps_closed("after another start of the writer");
  rpoguard.kill9();
  rpoguard.start();
  rpoguard.wait_until_serving();
  shard.segments(2, 1);
  keeps_closed("after another start of rpoguard");
  const std::string view = rpoguard.ops_json("/api/v1/view").dump();
  EXPECT_NE(view.find("the archive holds WAL that may be of another history than the writer's"),
            std::string::npos)
      << view;
  std::printf("%zu rows acknowledged since the loss, none in the archive, which holds %s and on\n",
              orders_on(shard.iad_a(), 2), goes_on.c_str());

  shard.empty_from(goes_on);
  shard.take_backup();
  shard.segments(2, 2);
  EXPECT_TRUE(opens(rpoguard, 40s));
}

}  // namespace
}  // namespace rpoguard::test
