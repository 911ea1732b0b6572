#include "tests/scenario/archive_table.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kEvery{100};
// Where no sample came for longer, nothing is counted: the machine was busy, not rpoguard wrong.
constexpr milliseconds kGapMax{500};

// As in 2026-08-01T07:38:09.123Z.
std::optional<core::Instant> instant_of(const nlohmann::json& date) {
  if (date.is_null()) return std::nullopt;
  const auto text = date.get<std::string>();
  std::tm fields{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &fields);
  if (rest == nullptr || std::string(rest).size() != 5)
    throw std::runtime_error("not a date: " + text);
  const auto then = std::chrono::system_clock::from_time_t(::timegm(&fields)) +
                    milliseconds(std::stoi(std::string(rest + 1, 3)));
  return boottime() - (std::chrono::system_clock::now() - then);
}

ArchiveSaid said_of(const nlohmann::json& shard) {
  ArchiveSaid said;
  const auto& archive = shard.at("archive");
  if (const auto& age = archive.at("age_seconds"); !age.is_null())
    said.age = core::Duration(std::llround(age.get<double>() * 1e9));
  if (const auto& frontier = archive.at("frontier_bytes"); !frontier.is_null())
    said.frontier = core::Lsn{frontier.get<std::uint64_t>()};
  said.as_of = instant_of(archive.at("as_of"));
  said.counted = archive.at("counted").get<bool>();
  const auto& gate = shard.at("gate");
  said.gate_open = gate.at("open").get<bool>();
  if (!said.gate_open) said.reason = gate.at("reason").get<std::string>();
  return said;
}

std::string text(std::optional<core::Lsn> position) {
  return position ? core::render_lsn(*position) : "none";
}

core::Lsn held_at(core::Instant at, const std::vector<CopyTrace::Point>& frontiers) {
  const auto next = std::ranges::upper_bound(frontiers, at, {}, &CopyTrace::Point::at);
  return next == frontiers.begin() ? core::Lsn{} : std::prev(next)->held;
}

// How many segments `position` lacks of `other`.
std::int64_t lacking(core::Lsn position, core::Lsn other, std::uint64_t segment_bytes) {
  return std::max<std::int64_t>(0, core::bytes_between(position, other)) /
         static_cast<std::int64_t>(segment_bytes);
}

class Comparison {
 public:
  explicit Comparison(const ArchiveLimits& limits) : limits_(limits) {}

  void take(const ArchiveSaid& said, core::Instant at, const Truth::Risk& risk,
            core::Duration weight);
  /// False: it is none that was listed meanwhile.
  bool take_frontier(const ArchiveSample& sample, const ArchiveSaid& said,
                     const std::vector<CopyTrace::Point>& frontiers);
  void note(const std::string& line) { row_.strip.push_back(line); }
  ArchiveRow finish();

 private:
  void count_repair(core::Duration truth);

  const ArchiveLimits limits_;
  ArchiveRow row_;
  bool was_above_ = false;
  core::Duration truth_{};
  core::Duration lowest_{};  // since the last repair
  std::optional<core::Instant> truth_above_;
  std::optional<core::Instant> said_above_;
};

void Comparison::count_repair(core::Duration truth) {
  const bool mattered = truth_ > limits_.max_age - limits_.alarm_max && truth <= limits_.max_age;
  lowest_ = std::min(lowest_, truth_);
  // Several segments that arrive together are one.
  if (truth < truth_ && mattered && truth_ - lowest_ >= seconds(1)) {
    ++row_.repairs;
    lowest_ = truth;
  }
  truth_ = truth;
}

void Comparison::take(const ArchiveSaid& said, core::Instant at, const Truth::Risk& risk,
                      core::Duration weight) {
  const bool above = risk.least > limits_.max_age;  // beyond doubt
  const bool below = risk.most <= limits_.max_age;
  const bool alarm = said.age && *said.age > limits_.max_age;
  ++row_.samples;
  row_.counted = row_.counted || said.counted;
  row_.truth_max = std::max(row_.truth_max, risk.least);
  if (above) row_.above += weight;
  if (above && !was_above_) ++row_.crossings;
  was_above_ = above;
  count_repair(risk.most);
  if (above && !truth_above_) {
    truth_above_ = at;
    row_.reason = said.reason;
  }
  if ((alarm || !said.age) && !said_above_) said_above_ = at;
  if (above && said.age && !alarm) row_.missed += weight;
  if (above && said.gate_open) row_.open_above += weight;
  if (below && alarm) row_.false_alarm += weight;
  if (!said.age) row_.unknown += weight;
  if (said.reason == "archive_too_old") row_.closed += weight;
}

bool Comparison::take_frontier(const ArchiveSample& sample, const ArchiveSaid& said,
                               const std::vector<CopyTrace::Point>& frontiers) {
  const core::Lsn shown = said.frontier.value();
  const core::Instant as_of = said.as_of.value();
  const std::uint64_t segment = limits_.segment_bytes;
  const auto ahead = lacking(held_at(sample.after.ended, frontiers), shown, segment);
  const auto behind = lacking(shown, held_at(as_of - limits_.report, frontiers), segment);
  row_.look_age_max = std::max(row_.look_age_max, sample.at - as_of);
  row_.ahead_segments = std::max(row_.ahead_segments, ahead);
  row_.behind_segments = std::max(row_.behind_segments, behind);
  return ahead == 0 && behind == 0;
}

ArchiveRow Comparison::finish() {
  if (truth_above_ && said_above_) row_.delay = *said_above_ - *truth_above_;
  return row_;
}

}  // namespace

ArchiveRecorder::ArchiveRecorder(const Rpoguard& rpoguard, std::string directory)
    : rpoguard_(rpoguard), directory_(std::move(directory)), thread_([this] { run(); }) {}

ArchiveRecorder::~ArchiveRecorder() {
  stop();
}

void ArchiveRecorder::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void ArchiveRecorder::run() {
  Listing last;
  while (!eventually(
      kEvery, [this] { return stopping_.load(); }, milliseconds(10))) {
    ArchiveSample sample;
    sample.before = list_repository(directory_, last);
    const auto reply = rpoguard_.ops("/api/v1/view");
    sample.after = last = list_repository(directory_, sample.before);
    if (!reply || reply->status != 200) continue;
    sample.at = sample.before.ended + (sample.after.began - sample.before.ended) / 2;
    const auto view = nlohmann::json::parse(reply->body);
    for (const auto& shard : view.at("shards"))
      sample.said[shard.at("shard").get<std::string>()] = said_of(shard);
    samples_.push_back(std::move(sample));
  }
}

std::vector<CopyTrace::Point> listed_frontiers(const std::vector<ArchiveSample>& samples,
                                               const WriterPath& path,
                                               std::uint64_t segment_bytes) {
  std::vector<CopyTrace::Point> points;
  std::map<const Names*, core::Lsn> known;
  for (const ArchiveSample& sample : samples) {
    for (const Listing* listing : {&sample.before, &sample.after}) {
      const auto [found, fresh] = known.try_emplace(listing->names.get());
      if (fresh)
        found->second = listed_frontier(*listing->names, path, segment_bytes).value_or(core::Lsn{});
      points.push_back({listing->ended, found->second});
    }
  }
  return points;
}

ArchiveRow compare_archive(const std::vector<ArchiveSample>& samples, const std::string& shard,
                           const Truth& truth, const std::vector<CopyTrace::Point>& frontiers,
                           const ArchiveLimits& limits) {
  Comparison comparison(limits);
  std::optional<core::Instant> last;
  core::Instant next_line{};
  for (const ArchiveSample& sample : samples) {
    const ArchiveSaid& said = sample.said.at(shard);
    const Truth::Risk risk = truth.at(sample.at);
    const core::Duration gap = last ? sample.at - *last : core::Duration{0};
    last = sample.at;
    comparison.take(said, sample.at, risk, gap > kGapMax ? core::Duration{0} : gap);
    const bool listed = !said.frontier || comparison.take_frontier(sample, said, frontiers);
    if (sample.at < next_line && listed) continue;
    next_line = sample.at + seconds(1);
    comparison.note(render_seconds(sample.at - samples.front().at) + " s: truth " +
                    render_seconds(risk.most) + ", age " +
                    (said.age ? render_seconds(*said.age) : "unknown") + ", frontier " +
                    text(said.frontier) + (listed ? "" : " (not listed)") + ", gate " +
                    (said.gate_open ? "open" : said.reason));
  }
  return comparison.finish();
}

}  // namespace rpoguard::test
