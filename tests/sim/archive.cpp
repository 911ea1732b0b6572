#include "tests/sim/archive.hpp"

#include <algorithm>
#include <cstdio>

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kSegmentsPerLog = 0x100000000ULL / kSegmentBytes;

std::string wal_name(std::uint32_t timeline, std::uint64_t segment) {
  char text[25];
  std::snprintf(text, sizeof text, "%08X%08X%08X", timeline,
                static_cast<unsigned>(segment / kSegmentsPerLog),
                static_cast<unsigned>(segment % kSegmentsPerLog));
  return text;
}

}  // namespace

void Archive::start(Duration archive_timeout) {
  archive_timeout_ = archive_timeout;
  round();
  queue_.after(archive_timeout_, [this] { switch_wal(); });
}

// archive_timeout: a segment that holds anything new is given up.
void Archive::switch_wal() {
  queue_.after(archive_timeout_, [this] { switch_wal(); });
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    if (!cluster_.accepts_writes(node)) continue;
    const Server& server = cluster_.servers()[node];
    if (server.inserted == switched_at_[node]) continue;
    cluster_.switch_wal(node, kSegmentBytes);
    switched_at_[node] = server.inserted;
  }
}

void Archive::round() {
  queue_.after(milliseconds(200), [this] { round(); });
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    if (!cluster_.accepts_writes(node)) continue;
    follow(node);
    work(node);
  }
}

std::uint64_t Archive::first_of(std::uint32_t timeline) const {
  return std::max(Server::kFirstLsn, cluster_.history().split(timeline)) / kSegmentBytes;
}

std::uint64_t Archive::archived_by_own(std::uint32_t timeline) const {
  std::uint64_t next = first_of(timeline);
  while (kept_.held.contains({timeline, next})) ++next;
  return next * kSegmentBytes;
}

// A promoted server begins with the segment in which its timeline began. A crash loses the
// counters, but not what waits, also where it lost WAL.
void Archive::follow(std::size_t node) {
  const Server& server = cluster_.servers()[node];
  Archiver& archiver = archivers_[node];
  if (archiver.timeline != server.timeline) {
    const bool goes_on = archiver.timeline != 0 &&
                         cluster_.history().parent(server.timeline) == archiver.timeline &&
                         shown(server.timeline) == shown(archiver.timeline);
    const std::uint64_t first = first_of(server.timeline);
    const std::uint64_t next = goes_on ? std::min(archiver.next, first) : first;
    archiver = Archiver{};
    archiver.timeline = server.timeline;
    archiver.next = next;
    archiver.life = server.life;
  } else if (archiver.life != server.life) {
    archiver.life = server.life;
    archiver.busy = false;
    archiver.told = {};
  }
}

void Archive::work(std::size_t node) {
  Archiver& archiver = archivers_[node];
  if (archiver.busy || trouble_ == ArchiveTrouble::hangs) return;
  if (archiver.next >= cluster_.servers()[node].flushed / kSegmentBytes) return;
  if (trouble_ == ArchiveTrouble::fails) {
    ++archiver.told.failed_count;
    return;
  }
  archiver.busy = true;
  const bool slow = trouble_ == ArchiveTrouble::slow;
  const Duration takes = slow ? random_.between(seconds(3), seconds(15))
                              : random_.between(milliseconds(20), milliseconds(400));
  const bool drops = trouble_ == ArchiveTrouble::drops;
  queue_.after(takes, [this, node, life = archiver.life, timeline = archiver.timeline, drops] {
    Archiver& done = archivers_[node];
    if (done.life != life || done.timeline != timeline) return;  // another's job by now
    done.busy = false;
    if (!cluster_.accepts_writes(node)) return;
    if (!drops && !keep({owner(timeline, done.next), done.next})) {
      ++done.told.failed_count;
      return;
    }
    done.told.last_archived_wal = wal_name(shown(timeline), done.next);
    ++done.told.archived_count;
    ++done.next;
  });
}

std::uint32_t Archive::shown(std::uint32_t timeline) const {
  return cluster_.history().shown(timeline);
}

// Another history's segment that has this one's name.
std::optional<Archive::Segment> Archive::in_the_way(Segment segment) const {
  const auto other = std::ranges::find_if(kept_.held, [&](const Segment& held) {
    return held.second == segment.second && held.first != segment.first &&
           shown(held.first) == shown(segment.first);
  });
  return other == kept_.held.end() ? std::nullopt : std::optional(*other);
}

bool Archive::keep(Segment segment) {
  const auto other = in_the_way(segment);
  if (other && !overwriting_) return false;
  if (other) kept_.held.erase(*other);
  kept_.held.insert(segment);
  return true;
}

void Archive::remove_foreign(std::uint32_t timeline) {
  std::erase_if(kept_.held, [&](const Segment& held) {
    const std::uint32_t own = owner(timeline, held.second);
    return held.first != own && shown(held.first) == shown(own);
  });
}

// It ends with a switch of segments, so that its WAL gets archived.
void Archive::take_backup(std::size_t writer) {
  const Server& server = cluster_.servers()[writer];
  kept_.backups.emplace_back(server.timeline, server.flushed / kSegmentBytes);
  cluster_.switch_wal(writer, kSegmentBytes);
}

core::ArchiverFacts Archive::archiver_of(std::size_t node) {
  follow(node);
  Archiver& archiver = archivers_[node];
  core::ArchiverFacts facts = archiver.told;
  if (queue_.now() - archiver.ready_listed >= seconds(5)) {
    archiver.ready_listed = queue_.now();
    const std::uint64_t end = cluster_.servers()[node].flushed / kSegmentBytes;
    core::ArchiverFacts::Ready ready;
    if (archiver.next < end) {
      ready.files = static_cast<std::int64_t>(end - archiver.next);
      ready.oldest_wal = wal_name(shown(archiver.timeline), archiver.next);
    }
    facts.ready = ready;
  }
  return facts;
}

core::ArchiveFacts Archive::listing() const {
  core::ArchiveFacts facts;
  std::set<Segment> names;
  for (const auto& [timeline, segment] : kept_.held) names.emplace(shown(timeline), segment);
  for (const auto& [timeline, segment] : names) {
    const auto log = static_cast<std::uint32_t>(segment / kSegmentsPerLog);
    const auto number = static_cast<std::uint32_t>(segment % kSegmentsPerLog);
    if (!facts.runs.empty()) {
      core::ArchivedRun& run = facts.runs.back();
      if (run.timeline.value == timeline && run.log == log && run.last + 1 == number) {
        run.last = number;
        continue;
      }
    }
    facts.runs.push_back({core::Timeline{timeline}, log, number, number});
  }
  for (const auto& [timeline, segment] : kept_.backups)
    facts.backup_starts.push_back(wal_name(shown(timeline), segment));
  return facts;
}

std::uint32_t Archive::owner(std::uint32_t timeline, std::uint64_t segment) const {
  const History& history = cluster_.history();
  while (segment < history.split(timeline) / kSegmentBytes) timeline = history.parent(timeline);
  return timeline;
}

std::optional<std::uint64_t> Archive::frontier(std::uint32_t timeline,
                                               const Contents& contents) const {
  const auto name_of = [&](std::uint64_t segment) {
    return std::pair(owner(timeline, segment), segment);
  };
  std::optional<std::uint64_t> first;
  for (const auto& backup : contents.backups) {
    if (name_of(backup.second) == backup && contents.held.contains(backup)) first = backup.second;
  }
  if (!first) {
    for (const auto& held : contents.held) {
      if (name_of(held.second) == held && (!first || held.second < *first)) first = held.second;
    }
  }
  if (!first) return std::nullopt;
  std::uint64_t next = *first;
  while (contents.held.contains(name_of(next))) ++next;
  return next * kSegmentBytes;
}

}  // namespace rpoguard::sim
