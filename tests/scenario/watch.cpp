#include "tests/scenario/watch.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kWatchLook{50};
// Where no sample came for longer, nothing is counted: the machine was busy, not rpoguard wrong.
constexpr milliseconds kWatchGapMax{500};

constexpr milliseconds kOneLook{1500};
// Probes this long ago may still tell where the exposure stands.
constexpr milliseconds kStallsReach{3000};

std::optional<core::Duration> duration_at(const nlohmann::json& shard, const char* name) {
  const auto& value = shard.at(name);
  if (value.is_null()) return std::nullopt;
  return core::Duration(std::llround(value.get<double>() * 1e9));
}

std::string text(std::optional<core::Duration> value) {
  return value ? render_seconds(*value) : "unknown";
}

struct WatchComparison {
  core::Duration rpo;
  bool both_answer;
  TableRow row;
  bool was_above = false;
  std::optional<core::Instant> truth_above;
  std::optional<core::Instant> said_above;

  std::vector<std::pair<core::Instant, core::Duration>> recent;

  void take(const Said& sample, const Truth::Risk& risk, core::Duration weight);
  core::Duration worst_lately(core::Instant now, core::Duration truth);

  std::vector<core::Instant> answers;
  core::Duration longest_gap_lately(core::Instant now) const;
};

core::Duration WatchComparison::longest_gap_lately(core::Instant now) const {
  core::Duration longest{};
  for (std::size_t i = 1; i < answers.size(); ++i) {
    if (now - answers[i] <= kStallsReach) longest = std::max(longest, answers[i] - answers[i - 1]);
  }
  return longest;
}

void WatchComparison::take(const Said& sample, const Truth::Risk& risk, core::Duration weight) {
  answers.push_back(sample.at);
  const bool above = risk.least > rpo;  // beyond doubt
  const bool below = risk.most <= rpo;
  const bool said = sample.exposure && *sample.exposure > rpo;
  ++row.samples;
  row.truth_max = std::max(row.truth_max, risk.least);
  if (above) row.above += weight;
  if (above && !was_above) ++row.crossings;
  was_above = above;
  if (above && !truth_above) truth_above = sample.at;
  if (said && !said_above) {
    said_above = sample.at;
    row.lead = rpo - risk.most;
    row.stall = longest_gap_lately(sample.at);
  }
  if (above && sample.exposure && !said) row.missed += weight;
  if (above && sample.gate_open) row.open_above += weight;
  const bool known_above = sample.known && *sample.known > rpo;
  if (below && (known_above || (both_answer && said))) {
    row.false_alarm += weight;
  } else if (below && (said || !sample.exposure)) {
    row.unprovable += weight;
  }
  if (!sample.exposure) return;
  row.error_max = std::max(row.error_max, risk.least - *sample.exposure);
  // An answer may be one look old: what is over by then is no error.
  if (both_answer)
    row.error_max = std::max(row.error_max, *sample.exposure - worst_lately(sample.at, risk.most));
}

core::Duration WatchComparison::worst_lately(core::Instant now, core::Duration truth) {
  recent.push_back({now, truth});
  std::erase_if(recent, [&](const auto& each) { return each.first < now - kOneLook; });
  return std::ranges::max_element(recent, {}, &std::pair<core::Instant, core::Duration>::second)
      ->second;
}

}  // namespace

Watch::Watch(const Rpoguard& rpoguard, std::string shard)
    : rpoguard_(rpoguard), shard_(std::move(shard)), thread_([this] { run(); }) {}

Watch::~Watch() {
  stop();
}

void Watch::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Watch::run() {
  while (!eventually(
      kWatchLook, [this] { return stopping_.load(); }, milliseconds(10))) {
    const core::Instant before = boottime();
    const auto reply = rpoguard_.ops("/api/v1/view");
    const core::Instant after = boottime();
    if (!reply || reply->status != 200) continue;
    const auto view = nlohmann::json::parse(reply->body);
    for (const auto& shard : view.at("shards")) {
      if (shard.at("shard") != shard_ || !shard.contains("exposure_known_seconds")) continue;
      samples_.push_back(
          {before + (after - before) / 2, duration_at(shard, "exposure_seconds"),
           duration_at(shard, "exposure_known_seconds"),
           shard.at("gate").at("open").get<bool>() && !shard.at("gate").at("waived").get<bool>()});
    }
  }
}

TableRow compare(const std::vector<Said>& samples, const Truth& truth, core::Duration rpo,
                 bool both_answer) {
  WatchComparison comparison{rpo, both_answer, {}, false, {}, {}, {}, {}};
  std::optional<core::Instant> last;
  core::Instant next_line{};
  for (const Said& sample : samples) {
    const Truth::Risk risk = truth.at(sample.at);
    const core::Duration gap = last ? sample.at - *last : core::Duration{0};
    comparison.take(sample, risk, gap > kWatchGapMax ? core::Duration{0} : gap);
    last = sample.at;
    if (sample.at < next_line) continue;
    next_line = sample.at + seconds(1);
    comparison.row.strip.push_back(render_seconds(sample.at - samples.front().at) + " s: truth " +
                                   render_seconds(risk.most) + ", exposure " +
                                   text(sample.exposure) + ", known " + text(sample.known) +
                                   ", gate " + (sample.gate_open ? "open" : "closed"));
  }
  if (comparison.truth_above && comparison.said_above)
    comparison.row.delay = *comparison.said_above - *comparison.truth_above;
  return comparison.row;
}

}  // namespace rpoguard::test
