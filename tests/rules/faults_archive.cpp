// What befalls a WAL archive: real writers whose archiver does as it is told.
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#include "tests/rules/faults.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// A writer with an archive of its own. It keeps what it drops, so that the hole can be filled.
class Archived {
 public:
  explicit Archived(std::string id) : id_(std::move(id)) {
    fs::create_directory(wal());
    fs::create_directory(dropped());
    fs::create_directory_symlink(wal(), way());
    give_to(unprivileged_user(), dir_.path());
    give_to(unprivileged_user(), wal());
    give_to(unprivileged_user(), dropped());
    const std::string is = "test -e " + (dir_ / "").string();
    server_ = Server::create(
        {.name = "iad-a",
         .conf = {{"archive_mode", "on"},
                  {"archive_command", is + "fail && exit 1; " + is + "drop && cp %p " + dropped() +
                                          "/%f && exit 0; cp %p " + wal() + "/.%f && mv " + wal() +
                                          "/.%f " + wal() + "/%f"}}});
    server_->start();
    server_->exec("create table t(n int)");
    switch_wal();
  }

  ShardConfig config(const std::string& id, const std::string& directory) const {
    return {.id = id,
            .nodes = {{.name = "iad-a", .region = "iad", .port = server_->port()}},
            .extra =
                "allowed_regions: [iad, phx]\ngate: {mode: shadow}\n"
                "archive: {source: directory, directory: " +
                directory + ", interval: 1s, readable_from: [phx]}\n"};
  }
  ShardConfig config() const { return config(id_, wal()); }

  /// One more segment; returns when the archiver has dealt with it, unless it is told to fail.
  void switch_wal() const {
    const std::string before = files();
    server_->exec("insert into t values (1)");
    server_->exec("select pg_switch_wal()");
    if (fs::exists(dir_ / "fail")) return;
    if (!eventually(60s, [&] { return files() != before; }))
      throw std::runtime_error("nothing is archived: " + server_->log());
  }
  void tell(const std::string& what) const { write_file(dir_ / what, ""); }
  void no_more(const std::string& what) const { fs::remove(dir_ / what); }
  void bring_what_was_dropped() const {
    for (const auto& file : fs::directory_iterator(dropped()))
      fs::rename(file.path(), fs::path(wal()) / file.path().filename());
  }
  void lose_the_way() const { fs::remove(way()); }
  void find_the_way() const { fs::create_directory_symlink(wal(), way()); }

  std::string way() const { return dir_ / "way"; }  ///< a mount, as it were
  std::string wal() const { return dir_ / "wal"; }

 private:
  std::string dropped() const { return dir_ / "dropped"; }
  std::string files() const {
    std::size_t count = 0;
    for (const std::string& folder : {wal(), dropped()}) {
      for (const auto& file : fs::directory_iterator(folder))
        count += file.path().filename().string().starts_with(".") ? 0U : 1U;
    }
    return std::to_string(count);
  }

  const std::string id_;
  TempDir dir_;
  std::unique_ptr<Server> server_;
};

Fault gap_in(const Archived& archive) {
  return {.what = "a segment is missing in the archive",
          .alerts = {{alert_of("RPOGuardArchiveGap", "gap")}},
          .inject =
              [&archive] {
                archive.tell("drop");
                archive.switch_wal();
                archive.no_more("drop");
                archive.switch_wal();
              },
          .heal = [&archive] { archive.bring_what_was_dropped(); }};
}

}  // namespace

void spoil_the_archive(AlertTable& table) {
  const Archived gap("gap");
  const Archived drops("drops");
  const Archived stalled("stalled");
  RpoguardConfig config{.shards = {gap.config(), drops.config(), stalled.config(),
                                   stalled.config("lost", stalled.way())},
                        .probe_interval = "1s",
                        .probe_timeout = "800ms"};
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  for (const ShardConfig& shard : config.shards) {
    if (!eventually(60s, [&] {
          return rpoguard.metric("rpoguard_wal_archive_frontier_bytes", {{"shard", shard.id}})
              .has_value();
        }))
      throw std::runtime_error("no frontier of " + shard.id + ": " + rpoguard.log());
  }
  // Prometheus has never seen the frontiers move: what stands still does so at once.
  const Pager pager({rpoguard.ops_port()});
  std::jthread beside([&] {
    try {
      play(pager, gap_in(gap), table);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  });
  play(pager,
       {.what = "archive_command drops or fails, the repository is not mounted",
        .alerts = {{alert_of("RPOGuardArchiveDropsWal", "drops")},
                   {alert_of("RPOGuardArchiveStalled", "stalled")},
                   {alert_of("RPOGuardArchiveUnknown", "lost")}},
        .inject =
            [&] {
              drops.tell("drop");
              drops.switch_wal();
              stalled.tell("fail");
              stalled.switch_wal();
              stalled.lose_the_way();
            },
        .heal =
            [&] {
              drops.no_more("drop");
              drops.bring_what_was_dropped();
              stalled.no_more("fail");
              stalled.switch_wal();
              stalled.find_the_way();
            }},
       table);
  beside.join();
}

}  // namespace rpoguard::test
