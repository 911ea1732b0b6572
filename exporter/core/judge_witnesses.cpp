// What the witnesses over HTTP say: a step of an evaluation, before the writer is judged.
#include <algorithm>
#include <chrono>
#include <string>

#include "exporter/core/evaluator.hpp"

namespace rpoguard::core {
namespace {

/// One witness of the shard, as configured, asked and remembered.
struct Witness {
  const WitnessSpec& spec;
  const std::optional<WitnessObservation>& latest;
  WitnessMemory& memory;
  /// A number below is an old one: a replica that lags answers. Absent: any number is news.
  std::optional<std::int64_t> least;
};

const WitnessFacts& facts_of(const WitnessObservation& observation) {
  return std::get<WitnessFacts>(observation.outcome);
}

// Takes the latest answer into account. After its ttl an answer says nothing about now; that its
// number was reached stays true, and the caller keeps it.
WitnessView take(const Witness& witness, Instant now) {
  WitnessView view;
  if (witness.latest) {
    const auto* facts = std::get_if<WitnessFacts>(&witness.latest->outcome);
    if (facts == nullptr) {
      view.failure = std::get<ProbeError>(witness.latest->outcome);
    } else if (witness.least && facts->number < *witness.least) {
      view.failure =
          ProbeError{ProbeFailure::bad_answer,
                     "it says " + std::to_string(facts->number) + ", the highest seen is " +
                         std::to_string(*witness.least) + ": an old copy answers"};
    } else {
      witness.memory.good = witness.latest;
    }
  }
  const auto& good = witness.memory.good;
  if (good && now - good->asked < witness.spec.ttl) {
    view.number = facts_of(*good).number;
    view.writer = facts_of(*good).writer;
    view.as_of = good->asked;
  }
  return view;
}

}  // namespace

void Evaluator::take_witnesses() {
  DurableMemory& durable = memory_.durable;
  if (spec_->epoch_witness) {
    const bool authority = spec_->epoch_source == EpochSource::http;
    const auto highest = durable.highest_epoch;
    view_.epoch_witness =
        take({*spec_->epoch_witness, observations_.epoch_witness, memory_.epoch_witness,
              authority && highest ? std::optional(highest->value) : std::nullopt},
             now_);
    if (const auto& good = memory_.epoch_witness.good) {
      const Epoch epoch{facts_of(*good).number};
      durable.highest_epoch = std::max(highest.value_or(epoch), epoch);
    }
  }
  if (spec_->generation_witness) {
    view_.generation_witness = take({*spec_->generation_witness, observations_.generation_witness,
                                     memory_.generation_witness, durable.highest_generation},
                                    now_);
    if (const auto& good = memory_.generation_witness.good) {
      const std::int64_t number = facts_of(*good).number;
      durable.highest_generation = std::max(durable.highest_generation.value_or(number), number);
    }
  }
}

// EpochSource::http: who the authority says the writer is, or why nobody knows.
void Evaluator::remember_authority(EpochMemory& remembered) const {
  if (!view_.epoch_witness) {
    remembered.authority_silence = "no epoch witness is configured";
    return;
  }
  const WitnessView& witness = *view_.epoch_witness;
  if (witness.number && !witness.writer.empty()) {
    remembered.authority = {Epoch{*witness.number}, witness.writer};
    return;
  }
  if (witness.number) {
    remembered.authority_silence = "the epoch witness names no writer";
    return;
  }
  const auto& good = memory_.epoch_witness.good;
  std::string& silence = remembered.authority_silence;
  silence = "the epoch witness has given no good answer";
  if (good) {
    const auto length = std::chrono::round<std::chrono::seconds>(now_ - good->asked);
    silence += " for " + render_duration(length);
  } else {
    silence += " yet";
  }
  if (witness.failure) {
    silence += std::string(" (") + name_of(witness.failure->reason) + ": " +
               witness.failure->message + ")";
  }
}

}  // namespace rpoguard::core
