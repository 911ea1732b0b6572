#include "exporter/core/judge/waiver.hpp"

#include <algorithm>
#include <chrono>

namespace rpoguard::core {
namespace {

// Who raised the epoch and for whom, as far as its source says so.
std::string promotion_text(const ShardSpec& spec, const ConfirmedWriter& writer) {
  const bool by_authority = spec.epoch_source == EpochSource::http;
  const auto stamped = by_authority ? std::nullopt : writer.facts().stamped;
  std::string text = "epoch " + std::to_string(writer.epoch.value);
  text += stamped ? " was stamped" : " names " + writer.spec.name;
  if (stamped && !stamped->writer_region.empty()) text += " for region " + stamped->writer_region;
  if (stamped && !stamped->promoted_by.empty()) text += " by " + stamped->promoted_by;
  return text;
}

// A timeline rises whoever promotes: nobody answers for it. And a second stamp on the same writer
// loses no copy: it must not open a gate that the RPO has closed.
bool grants(const ShardSpec& spec, const ConfirmedWriter& writer) {
  return writer.promoted && writer.moved && spec.after_failover == AfterFailover::waive &&
         spec.epoch_source != EpochSource::timeline;
}

}  // namespace

std::optional<Waiver> follow_waiver(std::optional<Waiver> waiver, const ShardSpec& spec,
                                    const std::optional<ConfirmedWriter>& writer, bool proven,
                                    WallTime wall) {
  if (writer && grants(spec, *writer)) {
    const auto length = std::chrono::duration_cast<WallTime::duration>(spec.waive_for);
    waiver = Waiver{.until = wall + length, .why = promotion_text(spec, *writer)};
  }
  const bool expired = waiver && waiver->until <= wall;
  if (writer && (proven || expired)) waiver.reset();
  return waiver;
}

Waiver waiver_by(const std::string& operator_name, const std::string& reason, WallTime until) {
  return {.until = until, .why = "by " + operator_name + ": " + reason, .by = operator_name};
}

std::string how_waiver_ended(const std::optional<Waiver>& before,
                             const std::optional<Waiver>& after, WallTime wall) {
  if (!before || after) return "";
  return before->until <= wall ? "the waiver has expired as set" : "a copy is proven again";
}

std::optional<WaiverView> waiver_view(const std::optional<Waiver>& waiver, Instant now,
                                      WallTime wall) {
  if (!waiver) return std::nullopt;
  return WaiverView{.until = now + (waiver->until - wall),
                    .why = waiver->why,
                    .ends = waiver->until,
                    .by = waiver->by};
}

std::optional<Instant> waived_until(const ShardSpec& spec, const std::optional<WaiverView>& waiver,
                                    const std::optional<ConfirmedWriter>& writer, Instant now) {
  if (!waiver) return std::nullopt;
  const Duration trust = spec.rpo > Duration{0} ? spec.rpo : spec.proof_ttl;
  return std::min(waiver->until, writer ? writer->asked() + trust : now);
}

}  // namespace rpoguard::core
