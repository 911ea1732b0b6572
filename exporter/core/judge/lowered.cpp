#include "exporter/core/judge/lowered.hpp"

#include <optional>
#include <variant>

namespace rpoguard::core {
namespace {

// What a witness says now.
std::optional<std::int64_t> number_of(const std::optional<WitnessObservation>& latest) {
  const auto* facts = latest ? std::get_if<WitnessFacts>(&latest->outcome) : nullptr;
  return facts == nullptr ? std::nullopt : std::optional(facts->number);
}

std::string shows(const std::string& who, std::int64_t number) {
  return who + " shows " + std::to_string(number) +
         ", which would be remembered again at once: correct that first";
}

std::string nothing_to_lower(const char* what, std::optional<std::int64_t> highest) {
  return highest ? std::string("the highest ") + what + " is " + std::to_string(*highest) +
                       ": there is nothing to lower"
                 : std::string("no ") + what + " is remembered";
}

// What was heard of a witness before, if it is above.
void forget(WitnessReading& witness, std::int64_t to) {
  if (number_reached(witness) > to) witness.good.reset();
}

}  // namespace

std::string lower_epoch(ShardMemory& memory, const ShardSpec& spec, const ShardObservations& latest,
                        Epoch to) {
  EpochRecord& record = memory.durable.epochs;
  if (!record.highest || *record.highest <= to)
    return nothing_to_lower("epoch",
                            record.highest ? std::optional(record.highest->value) : std::nullopt);
  for (std::size_t node = 0; node < memory.readings.size(); ++node) {
    const Reading& reading = memory.readings[node];
    const auto epoch =
        reading.current ? epoch_of(spec.epoch_source, reading.facts()) : std::nullopt;
    if (epoch && *epoch > to) return shows(spec.nodes[node].name, epoch->value);
  }
  const auto witnessed = number_of(latest.epoch_witness);
  if (witnessed > to.value) return shows("the epoch witness", *witnessed);
  record.highest = to;
  if (record.confirmed && *record.confirmed > to) {
    record.confirmed = to;
    record.confirmed_place = {};  // that of another number
  }
  forget(memory.epoch_witness, to.value);
  return "";
}

std::string lower_generation(ShardMemory& memory, const ShardObservations& latest,
                             std::int64_t to) {
  auto& highest = memory.durable.highest_generation;
  if (!highest || *highest <= to) return nothing_to_lower("generation", highest);
  const auto witnessed = number_of(latest.generation_witness);
  if (witnessed > to) return shows("the shard map", *witnessed);
  highest = to;
  forget(memory.generation_witness, to);
  return "";
}

}  // namespace rpoguard::core
