// The metrics of a shard's WAL archive.
#include <array>
#include <optional>

#include "exporter/serve/metrics/metric_rows.hpp"

namespace rpoguard::serve {
namespace {

// Labels: shard. Shards without an archive are left out.
template <typename Read>
constexpr auto each_archive(Read) {
  return each_shard([](const ShardScrape& shard, SamplesOf& add) {
    if (shard.view.archive.enabled) add({}, Read{}(shard));
  });
}

std::optional<core::Duration> backup_age(const ShardScrape& shard) {
  const auto& backup = shard.view.archive.last_backup;
  return backup ? std::optional<core::Duration>(shard.at.wall - *backup) : std::nullopt;
}

std::optional<bool> look_failing(const ShardScrape& shard) {
  if (shard.spec.archive.source == core::ArchiveSource::postgres) return std::nullopt;
  return shard.view.archive.failure.has_value();
}

constexpr auto kArchiveRows = std::to_array<MetricRow>({
    {.name = "rpoguard_backup_age_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "Age of the latest backup in the archive, by the backup's own time and the wall clock "
             "of this host. Absent without a backup, and where the source names none.",
     .read = each_archive([](const ShardScrape& shard) { return backup_age(shard); })},
    {.name = "rpoguard_backup_gone",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if the archive has shown a backup before, and shows none any more; else 0. Absent "
             "where it has never shown one, and while unknown.",
     .read = each_archive([](const ShardScrape& shard) { return shard.view.archive.backup_gone; })},
    {.name = "rpoguard_wal_archive_age_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "Age, at the scrape, of the latest moment up to which everything acknowledged is "
             "archived without a hole. Absent without an archive and while nothing is proven.",
     .read = each_archive(
         [](const ShardScrape& shard) { return shard.at.age(shard.view.archive.recovery_point); })},
    {.name = "rpoguard_wal_archive_claimed_ahead_bytes",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "WAL bytes that the writer says it archived beyond what the repository holds without "
             "a hole. Steadily above 0: archive_command reports success and drops WAL. Absent "
             "while unknown.",
     .read = each_archive(
         [](const ShardScrape& shard) { return shard.view.archive.claimed_ahead_bytes; })},
    {.name = "rpoguard_wal_archive_counted",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if the archive is a counted copy, else 0. Absent without an archive.",
     .read = each_archive([](const ShardScrape& shard) { return shard.view.archive.counted; })},
    {.name = "rpoguard_wal_archive_failures_total",
     .kind = MetricKind::counter,
     .labels = {"shard"},
     .help = "Failed attempts to archive as the writer counts them; starts again after a failover. "
             "Absent while unknown.",
     .read =
         each_archive([](const ShardScrape& shard) { return shard.view.archive.failed_count; })},
    {.name = "rpoguard_wal_archive_frontier_bytes",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "Position in the WAL up to which everything on the writer's timeline is archived "
             "without a hole. Absent while unknown.",
     .read = each_archive([](const ShardScrape& shard) { return shard.view.archive.frontier; })},
    {.name = "rpoguard_wal_archive_gap",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "Segments missing between the frontier and the newest archived one: no recovery gets "
             "past the hole. Absent where the source cannot show one, and while unknown.",
     .read =
         each_archive([](const ShardScrape& shard) { return shard.view.archive.gap_segments; })},
    {.name = "rpoguard_wal_archive_lag_bytes",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "WAL bytes the writer has written beyond what is archived without a hole. Absent "
             "while unknown.",
     .read = each_archive([](const ShardScrape& shard) { return shard.view.archive.lag_bytes; })},
    {.name = "rpoguard_wal_archive_look_failing",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if the last look at the archive failed, else 0. Absent with archive.source "
             "postgres, which looks at no files.",
     .read = each_archive([](const ShardScrape& shard) { return look_failing(shard); })},
    {.name = "rpoguard_wal_archive_ready_segments",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "WAL segments of the writer that wait to be archived. Absent while unknown.",
     .read =
         each_archive([](const ShardScrape& shard) { return shard.view.archive.ready_segments; })},
});
static_assert(is_sorted_by_name(kArchiveRows));

}  // namespace

std::span<const MetricRow> archive_rows() {
  return kArchiveRows;
}

}  // namespace rpoguard::serve
