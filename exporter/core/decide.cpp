// Waivers and the gate: the last decisions of an evaluation.
#include <algorithm>
#include <string>

#include "exporter/core/evaluator.hpp"
#include "exporter/core/pace.hpp"

namespace rpoguard::core {
namespace {

// Who raised the epoch and for whom, as far as its source says so.
std::string promotion_text(const WriterView& writer, const std::optional<StampedEpoch>& stamped) {
  std::string text = "epoch " + std::to_string(writer.epoch.value);
  text += stamped ? " was stamped" : " names " + writer.node;
  if (stamped && !stamped->writer_region.empty()) text += " for region " + stamped->writer_region;
  if (stamped && !stamped->promoted_by.empty()) text += " by " + stamped->promoted_by;
  return text;
}

}  // namespace

void Evaluator::decide_waiver() {
  auto& durable = memory_.durable;
  if (view_.writer) {
    const Epoch epoch = view_.writer->epoch;
    const bool promoted = durable.confirmed_epoch && epoch > *durable.confirmed_epoch;
    durable.confirmed_epoch = std::max(durable.confirmed_epoch.value_or(epoch), epoch);
    if (promoted && spec_->after_failover == AfterFailover::waive &&
        spec_->epoch_source != EpochSource::timeline) {
      const auto length = std::chrono::duration_cast<WallTime::duration>(spec_->waive_for);
      const bool by_authority = spec_->epoch_source == EpochSource::http;
      durable.waiver = {
          wall_ + length,
          promotion_text(*view_.writer, by_authority ? std::nullopt : writer_facts()->stamped)};
    }
  }
  // A copy that stayed with the old writer still proves what that one acknowledged, and no more.
  const auto exposure = exposure_at(view_, now_);
  const bool of_this_writer = view_.recovery_point && memory_.writer_since &&
                              *view_.recovery_point >= *memory_.writer_since;
  const bool proven = spec_->rpo == Duration{0}
                          ? memory_.kept_until && *memory_.kept_until > now_
                          : of_this_writer && *exposure <= spec_->gate.reopen_below;
  const bool expired = durable.waiver && durable.waiver->until <= wall_;
  if (view_.writer && (proven || expired)) durable.waiver.reset();
  if (durable.waiver)
    view_.waiver = WaiverView{now_ + (durable.waiver->until - wall_), durable.waiver->why};
}

void Evaluator::decide_freeze() {
  auto& freeze = memory_.durable.freeze;
  if (freeze && freeze->until && *freeze->until <= wall_) {
    memory_.freeze_ended = "the freeze by " + freeze->by + " has expired as set";
    freeze.reset();
  }
  view_.freeze = freeze;
  view_.freeze_ended = memory_.freeze_ended;
}

void Evaluator::decide_gate() {
  LeaseInput input;
  if (view_.freeze) input.freeze_detail = render_freeze(*view_.freeze);
  input.verdict_reason = verdict_.reason;
  input.verdict_detail = verdict_.detail;
  input.kept_until = memory_.kept_until;
  input.exposure = exposure_at(view_, now_);
  input.exposure_growth = view_.exposure_growth;
  input.writer_changed = writer_changed_;
  if (view_.recovery_point && spec_->rpo > Duration{0}) {
    const auto share = static_cast<double>(spec_->rpo.count()) * spec_->gate.shed_low_priority_at;
    input.shed_low_priority_from =
        *view_.recovery_point + Duration(static_cast<std::int64_t>(share));
  }
  if (spec_->archive.max_age && view_.archive.recovery_point) {
    input.archive_until = *view_.archive.recovery_point + *spec_->archive.max_age;
  }
  if (spec_->epoch_source == EpochSource::http && view_.epoch_witness && view_.epoch_witness->as_of)
    input.confirmed_until = *view_.epoch_witness->as_of + spec_->epoch_witness->ttl;
  input.proof_detail = view_.synchronous.problem;
  if (view_.endpoint) {
    input.endpoint_watched = true;
    if (view_.endpoint->last_good)
      input.endpoint_until = *view_.endpoint->last_good + spec_->endpoint->ttl;
    if (!view_.endpoint->note.empty())
      input.endpoint_detail = "the writer endpoint: " + view_.endpoint->note;
  }
  if (view_.waiver) {
    const Duration trust = spec_->rpo > Duration{0} ? spec_->rpo : spec_->proof_ttl;
    const auto* writer = writer_observation();
    input.waived_until =
        std::min(view_.waiver->until, writer == nullptr ? now_ : writer->asked + trust);
  }
  view_.probe_interval = wanted_interval(*spec_, probe_, input.exposure);
  view_.gate = renew_lease(*spec_, memory_.lease, input, now_);
  view_.writes_usable =
      view_.writer.has_value() && view_.gate.reasons.empty() && now_ < view_.gate.open_until;
}

}  // namespace rpoguard::core
