#include "exporter/core/judge/witness.hpp"

#include <string>
#include <utility>
#include <variant>

namespace rpoguard::core {
namespace {

const WitnessFacts& facts_of(const WitnessObservation& observation) {
  return std::get<WitnessFacts>(observation.outcome);
}

// Why the latest answer is worth nothing; absent: it is a good one.
std::optional<ProbeError> refused(const WitnessObservation& latest,
                                  std::optional<std::int64_t> least) {
  const auto* facts = std::get_if<WitnessFacts>(&latest.outcome);
  if (facts == nullptr) return std::get<ProbeError>(latest.outcome);
  if (!least || facts->number >= *least) return std::nullopt;
  return ProbeError{.reason = ProbeFailure::bad_answer,
                    .message = "it says " + std::to_string(facts->number) +
                               ", the highest seen is " + std::to_string(*least) +
                               ": an outdated source answers"};
}

}  // namespace

WitnessReading hear_witness(WitnessReading before, const std::optional<WitnessSpec>& spec,
                            const std::optional<WitnessObservation>& latest,
                            std::optional<std::int64_t> least, Instant now) {
  if (!spec) return {};
  WitnessReading witness{.good = std::move(before.good), .view = WitnessView{}};
  if (latest) {
    witness.view->failure = refused(*latest, least);
    if (!witness.view->failure) witness.good = latest;
  }
  if (witness.good && now - witness.good->asked < spec->ttl) {
    witness.view->number = facts_of(*witness.good).number;
    witness.view->writer = facts_of(*witness.good).writer;
    witness.view->as_of = witness.good->asked;
  }
  return witness;
}

std::optional<std::int64_t> least_epoch(EpochSource source, std::optional<Epoch> highest) {
  if (source != EpochSource::http || !highest) return std::nullopt;
  return highest->value;
}

std::optional<std::int64_t> number_reached(const WitnessReading& witness) {
  if (!witness.good) return std::nullopt;
  return facts_of(*witness.good).number;
}

std::optional<Instant> confirmed_until(const ShardSpec& spec, const WitnessReading& epoch_witness) {
  const auto& view = epoch_witness.view;
  if (spec.epoch_source != EpochSource::http || !view || !view->as_of) return std::nullopt;
  return *view->as_of + spec.epoch_witness->ttl;
}

}  // namespace rpoguard::core
