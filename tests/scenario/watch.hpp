// What rpoguard says meanwhile, and how that compares with the truth.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "exporter/core/model/units.hpp"

#include "tests/scenario/truth.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {

/// One answer of rpoguard about the shard.
struct Said {
  core::Instant at;
  std::optional<core::Duration> exposure;  ///< what cannot be excluded; absent: unknown
  std::optional<core::Duration> known;     ///< what is known to be missing
  bool gate_open = false;                  ///< and not by a waiver: then nothing is promised
};

/// Asks rpoguard every 50 ms.
class Watch {
 public:
  Watch(const Rpoguard& rpoguard, std::string shard);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  void stop();
  const std::vector<Said>& samples() const { return samples_; }

 private:
  void run();

  const Rpoguard& rpoguard_;
  const std::string shard_;
  std::vector<Said> samples_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// One row of the table. All durations in wall-clock time of the run.
struct TableRow {
  int samples = 0;
  core::Duration truth_max{};
  core::Duration above{};        ///< truth > RPO
  core::Duration missed{};       ///< ... and rpoguard says a known exposure <= RPO
  core::Duration false_alarm{};  ///< truth <= RPO, and work is said to be missing for longer
  core::Duration
      unprovable{};  ///< truth <= RPO, and rpoguard cannot exclude more, or knows nothing
  core::Duration open_above{};  ///< the gate was open while truth > RPO
  int crossings = 0;            ///< how often the truth rose above the RPO
  core::Duration lead{};        ///< RPO minus truth when the exposure first passed the RPO
  core::Duration stall{};  ///< the longest between two answers in the seconds before that: how late
                           ///< anything may have been on this machine
  std::optional<core::Duration> delay;  ///< of the first detection; negative: early
  /// Largest: truth above a known exposure; exposure above all truth of the last look, while both
  /// answer.
  core::Duration error_max{};
  std::vector<std::string> strip;  ///< second by second, for a person
};

/// `both_answer`: writer and copy answered all the time, so that an exposure above the truth is a
/// false alarm and not a missing proof.
TableRow compare(const std::vector<Said>& samples, const Truth& truth, core::Duration rpo,
                 bool both_answer);

}  // namespace rpoguard::test
