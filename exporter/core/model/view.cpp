#include "exporter/core/model/view.hpp"

#include <algorithm>

#include "exporter/base/human.hpp"

namespace rpoguard::core {
namespace {

// Growth slower than this is no forecast.
constexpr double kGrowthMin = 0.01;

}  // namespace

Instant lease_limit(const GateSpec& gate, Instant evaluated) {
  return evaluated + gate.max_lease;
}

std::optional<Duration> exposure_at(std::optional<Instant> recovery_point, Instant now) {
  if (!recovery_point) return std::nullopt;
  return now - *recovery_point;
}

std::optional<Duration> exposure_at(const ShardView& shard, Instant now) {
  return exposure_at(shard.recovery_point, now);
}

std::optional<Duration> exposure_known_at(const ShardView& shard, Instant now) {
  if (!shard.recovery_point) return std::nullopt;
  if (!shard.oldest_known_missing) return Duration{0};
  return now - *shard.oldest_known_missing;
}

std::optional<Duration> at_risk_span_at(const ShardView& shard, Instant now) {
  if (!shard.recovery_point) return std::nullopt;
  return std::max(Duration{0}, shard.last_possible_ack.value_or(now) - *shard.recovery_point);
}

std::optional<Duration> time_to_exhaustion_at(const ShardView& shard, Instant now) {
  const auto exposure = exposure_at(shard, now);
  if (!exposure || shard.spec->rpo == Duration{0}) return std::nullopt;
  if (*exposure >= shard.spec->rpo) return Duration{0};
  if (!shard.exposure_growth || *shard.exposure_growth < kGrowthMin) return std::nullopt;
  const double left = to_seconds(shard.spec->rpo - *exposure);
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(left / std::min(*shard.exposure_growth, 1.0)));
}

std::string render_freeze(const Freeze& freeze) {
  const std::string until = freeze.until ? " until " + render_time(*freeze.until) : "";
  return "frozen by " + freeze.by + until + ": " + freeze.reason;
}

std::string render_forgotten(const NodeWord& rival) {
  return rival.node + " is no rival any more, forgotten by " + rival.by + ": " + rival.reason;
}

std::string render_lowered(const LoweredNumber& number) {
  return "the highest " + number.what + " is " + std::to_string(number.to) + " and no longer " +
         std::to_string(number.from) + ", lowered by " + number.by + ": " + number.reason;
}

std::string render_readmitted(const NodeWord& word) {
  return word.node + " counts again, readmitted by " + word.by + ": " + word.reason;
}

bool has_diverged(const NodeView& node) {
  return node.diverged_bytes.value_or(0) > 0 || node.lineage == Lineage::diverged;
}

std::string render_divergence(const NodeView& node) {
  const std::int64_t bytes = node.diverged_bytes.value_or(0);
  return bytes > 0 ? "has diverged by " + base::render_bytes(bytes) : "has diverged";
}

std::string render_lineage_note(const NodeView& node) {
  return node.lineage_note.empty() ? "" : ": " + node.lineage_note;
}

std::string render_loss(const WalLoss& loss) {
  return "it had flushed its WAL up to " + render_lsn(loss.flushed) + ", and goes on from " +
         render_lsn(loss.goes_on_from);
}

std::optional<bool> downgraded(const ShardView& shard) {
  const SynchronousView& synchronous = shard.synchronous;
  if (!shard.writer || !synchronous.promised || synchronous.unknown) return std::nullopt;
  return synchronous.downgraded;
}

bool is_downgraded(const ShardView& shard) {
  return downgraded(shard).value_or(false);
}

std::string why_archive_age_unknown(const ArchiveView& archive) {
  if (archive.recovery_point) return "";
  const std::string unknown = "how old the WAL archive is, is not known: ";
  if (!archive.enabled) return unknown + "nothing is archived";
  if (archive.failure) return unknown + archive.failure->message;
  if (!archive.note.empty()) return unknown + archive.note;
  if (archive.frontier)
    return unknown + "what it holds is older than all that rpoguard has seen the writer write";
  return unknown + "the archiver has reported nothing of this timeline since the server was " +
         "started or its statistics were reset";
}

bool usable_at(const ShardView& shard, Instant now) {
  return shard.writes_usable && now < shard.gate.open_until &&
         now < lease_limit(shard.spec->gate, shard.evaluated);
}

Duration stale_after(const ProbeSpec& probe) {
  return std::max<Duration>(
      {3 * probe.interval, probe.interval + 2 * probe.timeout, Duration(std::chrono::seconds(2))});
}

bool is_stale(const View& view, Instant now) {
  return now - view.published >= stale_after(view.spec->probe);
}

const ShardView* View::find(const std::string& id) const {
  for (const auto& shard : shards) {
    if (shard && shard->spec->id == id) return shard.get();
  }
  return nullptr;
}

}  // namespace rpoguard::core
