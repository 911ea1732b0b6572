// What rpoguard says of a WAL archive, beside listings of it, and how that compares with the truth.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenario/archive_listing.hpp"
#include "tests/scenario/truth.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {

/// What one shard of rpoguard says. A null in its answer is absent here.
struct ArchiveSaid {
  std::optional<core::Duration> age;
  std::optional<core::Lsn> frontier;
  std::optional<core::Instant> as_of;  ///< when the frontier was so, it says; a millisecond early
  bool counted = false;
  bool gate_open = false;
  std::string reason;
};

/// One answer about all shards, and the repository right before and right after it.
struct ArchiveSample {
  Listing before;
  core::Instant at;
  std::map<std::string, ArchiveSaid> said;  ///< by shard
  Listing after;
};

/// Lists and asks every 100 ms. samples() once it is stopped.
class ArchiveRecorder {
 public:
  ArchiveRecorder(const Rpoguard& rpoguard, std::string directory);
  ~ArchiveRecorder();
  ArchiveRecorder(const ArchiveRecorder&) = delete;
  ArchiveRecorder& operator=(const ArchiveRecorder&) = delete;
  void stop();
  const std::vector<ArchiveSample>& samples() const { return samples_; }

 private:
  void run();

  const Rpoguard& rpoguard_;
  const std::string directory_;
  std::vector<ArchiveSample> samples_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// The repository's contiguous frontier at each listing.
std::vector<CopyTrace::Point> listed_frontiers(const std::vector<ArchiveSample>& samples,
                                               const WriterPath& path, std::uint64_t segment_bytes);

/// One row of the table. Durations in wall-clock time of the run.
struct ArchiveRow {
  int samples = 0;
  core::Duration truth_max{};    ///< age of the oldest acknowledged commit that is not archived
  core::Duration above{};        ///< truth > max_age
  core::Duration missed{};       ///< ... and an age up to max_age is shown
  core::Duration open_above{};   ///< ... and the gate is open
  core::Duration false_alarm{};  ///< truth <= max_age, and the age shown is above
  core::Duration unknown{};      ///< no age is shown
  core::Duration closed{};       ///< the gate is closed for archive_too_old
  int crossings = 0;             ///< how often the truth rose above max_age
  /// How often the truth fell to max_age or below, from above it or from less than alarm_max below
  /// it: the age shown may be higher by alarm_max, so each of these may come with a false alarm.
  int repairs = 0;
  std::optional<core::Duration> delay;  ///< of the first detection; negative: early
  /// How far a frontier shown was beyond the listing right after the answer, at most.
  std::int64_t ahead_segments = 0;
  /// How far it was behind the last listing before the moment that it was shown for, at most.
  std::int64_t behind_segments = 0;
  core::Duration look_age_max{};     ///< how long ago that moment was, at most
  bool counted = false;              ///< it was ever called a copy that counts
  std::string reason;                ///< the gate's, when the truth was above for the first time
  std::vector<std::string> strip{};  ///< second by second, for a person
};

struct ArchiveLimits {
  core::Duration max_age;
  core::Duration alarm_max;  ///< by how much an alarm may be early or late
  /// How long the archiver may take to report what is stored already. Nothing, to one who lists.
  core::Duration report;
  std::uint64_t segment_bytes;
};

ArchiveRow compare_archive(const std::vector<ArchiveSample>& samples, const std::string& shard,
                           const Truth& truth, const std::vector<CopyTrace::Point>& frontiers,
                           const ArchiveLimits& limits);

}  // namespace rpoguard::test
