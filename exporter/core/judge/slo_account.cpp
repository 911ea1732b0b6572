#include "exporter/core/judge/slo_account.hpp"

#include <algorithm>
#include <utility>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

// Below this the slope would be that of single looks.
constexpr int kGrowthIntervals = 3;

// The exposure goes from `first` to `last` in as much time.
void add_exposure(ExposureHistogram& histogram, Duration first, Duration last) {
  Duration reached = first;
  for (std::size_t i = 0; i < kExposureBuckets.size(); ++i) {
    const Duration next = std::clamp(kExposureBuckets.at(i), reached, last);
    histogram.time.at(i) += next - reached;
    reached = next;
  }
  histogram.time.back() += last - reached;
  histogram.known += last - first;
  const double mean = (to_seconds(first) + to_seconds(last)) / 2;
  histogram.sum_seconds2 += std::max(0.0, mean) * to_seconds(last - first);
}

}  // namespace

void add_stretch(SloView& account, const SloStretch& stretch) {
  RPOGUARD_CHECK(stretch.from <= stretch.to);
  const Duration length = stretch.to - stretch.from;
  account.total += length;
  if (stretch.kept_until) {
    account.exceeded += std::clamp(stretch.to - *stretch.kept_until, Duration{0}, length);
  } else {
    account.unknown += length;
  }
  if (stretch.recovery_point) {
    add_exposure(account.exposure, stretch.from - *stretch.recovery_point,
                 stretch.to - *stretch.recovery_point);
  } else {
    account.exposure.time.back() += length;  // it can promise nothing
  }
}

SloMemory account(SloMemory memory, const Known& now, bool writer_changed,
                  Duration probe_interval) {
  if (const auto& last = memory.last) {
    add_stretch(memory.account, {.from = last->at,
                                 .to = now.at,
                                 .kept_until = last->kept_until,
                                 .recovery_point = last->recovery_point});
  }
  memory.last = now;
  if (writer_changed) memory.marks.clear();
  return mark_recovery_point(std::move(memory), now.recovery_point, now.at, probe_interval);
}

SloMemory mark_recovery_point(SloMemory memory, std::optional<Instant> recovery_point, Instant now,
                              Duration probe_interval) {
  auto& marks = memory.marks;
  if (!recovery_point || (!marks.empty() && *recovery_point < marks.back().recovery_point))
    marks.clear();
  if (!recovery_point) return memory;
  // Several copies answer one after the other: one mark a round.
  const bool same_round = !marks.empty() && now - marks.back().at < probe_interval / 2;
  const bool advanced = marks.empty() || marks.back().recovery_point < *recovery_point;
  if (same_round || !advanced) return memory;
  marks.push_back({now, *recovery_point});
  if (marks.size() > kGrowthMarks) marks.erase(marks.begin());
  return memory;
}

std::optional<double> exposure_growth(const SloMemory& memory, Instant now,
                                      Duration probe_interval) {
  if (memory.marks.empty()) return std::nullopt;
  const RecoveryMark& first = memory.marks.front();
  const RecoveryMark& last = memory.marks.back();
  if (now - last.at >= kGrowthIntervals * probe_interval) return 1.0;
  const Duration span = last.at - first.at;
  if (span < kGrowthIntervals * probe_interval) return std::nullopt;
  const Duration rise = span - (last.recovery_point - first.recovery_point);
  if (2 * std::chrono::abs(rise) <= 3 * probe_interval) return 0.0;
  return to_seconds(rise) / to_seconds(span);
}

}  // namespace rpoguard::core
