#include "tests/scenario/archive_world.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "demo/tools/gateway.hpp"

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSegmentBytes = std::uint64_t{1024} * 1024;
constexpr const char* kSeen = "repository";  // as rpoguard sees it
constexpr int kCommitsPerSecond = 50;
// From the file's name to pg_stat_archiver: the command has to end, and the archiver to rename a
// file of its own, which took 1.6 s on a busy disk. One that stays behind is seen where the writer
// idles.
constexpr core::Duration kReport = 2500ms;

// Stores under a temporary name first, and again after a crash in between.
std::string archive_command(const std::string& control, const std::string& repository) {
  const std::string is = "test -e " + control + "/";
  const std::string stored = repository + "/.%f";
  return "while " + is + "hang; do sleep 0.1; done; " + is + "fail && exit 1; " + is +
         "drop && exit 0; " + is + "slow && sleep 5; cp %p " + stored + " && mv " + stored + " " +
         repository + "/%f";
}

ClusterOptions cluster_options(const std::string& control, const std::string& repository) {
  give_to(unprivileged_user(), repository);
  return {.conf = {{"archive_mode", "on"},
                   {"archive_command", archive_command(control, repository)},
                   {"archive_timeout", "2s"},
                   {"autovacuum", "off"},
                   // The positions of all commits are read from the servers' files at the end.
                   {"wal_keep_size", "512MB"}}};
}

}  // namespace

ArchiveWorld::ArchiveWorld() : cluster_(cluster_options(control_.path(), repository_.path())) {
  Server& writer = cluster_.writer();
  // The first sleep of a new checkpointer ignores archive_timeout; this wakes it.
  writer.reload();
  apply_sql_command(writer);
  writer.exec(demo::kLedgerSql);
  writer.exec("create sequence tokens cache 1000");
  cluster_.add_standby({.name = "phx-a", .synchronous = true});
  show_repository();
  const std::string seen = control_ / kSeen;
  RpoguardConfig config = RegionPair::rpoguard_config({});
  for (const std::string source : kArchiveSources) {
    std::string look;
    if (source == "directory") look = "directory: " + seen + ", readable_from: [phx], ";
    if (source == "command") look = "command: [/bin/ls, " + seen + "], readable_from: [phx], ";
    config.shards.push_back(
        {.id = source,
         .nodes = {{.name = "iad-a", .region = "iad", .port = writer.port()},
                   {.name = "phx-a", .region = "phx", .port = cluster_.node("phx-a").port()}},
         .extra = "allowed_regions: [iad, phx]\narchive: {source: " + source + ", " + look +
                  "interval: 1s, max_age: 8s}"});
  }
  rpoguard_ = std::make_unique<Rpoguard>(config);
  rpoguard_->wait_until_serving();
  wal_start_ = writer.query("select pg_current_wal_insert_lsn()").value();
  start_load(writer);
  if (!eventually(60s, [this] { return load().count() > 50; })) throw std::runtime_error("no load");
  for (const char* source : kArchiveSources) await_open(source);
  recorder_ = std::make_unique<ArchiveRecorder>(*rpoguard_, repository());
}

void ArchiveWorld::start_load(const Server& server) {
  loads_.push_back(std::make_unique<Writer>(server, kCommitsPerSecond));
}

void ArchiveWorld::no_more(const std::string& what) const {
  std::filesystem::remove(control_ / what);
}

void ArchiveWorld::hide_repository() const {
  std::filesystem::remove(control_ / kSeen);
}

void ArchiveWorld::show_repository() const {
  std::filesystem::create_directory_symlink(repository(), control_ / kSeen);
}

void ArchiveWorld::pass(std::chrono::milliseconds time) const {
  const core::Instant end = boottime() + time;
  static_cast<void>(eventually(time + 60s, [&] { return boottime() >= end; }));
}

void ArchiveWorld::await_open(const std::string& source) const {
  if (const auto open = opens(*rpoguard_, 60s, source); !open)
    throw std::runtime_error(open.message());
}

void ArchiveWorld::await_healed() const {
  await_open(kArchiveSources.front());
  pass(2s);
}

void ArchiveWorld::await_archived() {
  const bool archived = eventually(30s, [this] {
    const auto frontier = listed_frontier(*list_repository(repository()).names, {}, kSegmentBytes);
    const auto position =
        core::parse_lsn(cluster_.writer().query("select pg_current_wal_insert_lsn()").value());
    return frontier && core::bytes_between(*frontier, *position) < std::int64_t{kSegmentBytes};
  });
  if (!archived) throw std::runtime_error("the archiver stays behind");
}

void ArchiveWorld::restart_writer() {
  cluster_.writer().start();
  cluster_.writer().reload();
}

void ArchiveWorld::fail_over() {
  load().stop();
  Server& phx = cluster_.node("phx-a");
  phx.promote();
  phx.exec("select rpoguard.cluster_promote('phx', 'test')");
  phx.reload();
  start_load(phx);
}

// The dead writer may have written more than was left to the next timeline.
std::vector<std::pair<std::string, core::Lsn>> ArchiveWorld::positions(const WriterPath& path) {
  auto commits = commit_positions(cluster_.writer(), wal_start_);
  for (const WriterPath::Ancestor& each : path.ancestors) {
    std::erase_if(commits, [&](const auto& commit) { return commit.second > each.end; });
    const auto later =
        commit_positions(cluster_.node("phx-a"), core::render_lsn(each.end), path.timeline);
    commits.insert(commits.end(), later.begin(), later.end());
  }
  return commits;
}

std::vector<ArchiveRow> ArchiveWorld::finish() {
  recorder_->stop();
  std::vector<Acked> acked;
  for (const auto& load : loads_) {
    load->stop();
    acked.insert(acked.end(), load->log().begin(), load->log().end());
  }
  const WriterPath path = archived_path(repository());
  const auto frontiers = listed_frontiers(recorder_->samples(), path, kSegmentBytes);
  const Truth truth(acked, positions(path), frontiers);
  std::vector<ArchiveRow> rows;
  for (const std::string source : kArchiveSources) {
    const core::Duration report = source == "postgres" ? kReport : 0ms;
    rows.push_back(compare_archive(recorder_->samples(), source, truth, frontiers,
                                   {kArchiveMaxAge, kArchiveAlarmMax, report, kSegmentBytes}));
  }
  return rows;
}

}  // namespace rpoguard::test
