// What an operator takes back of the numbers that are remembered for ever. They only rise by
// themselves: one that was raised by mistake would fence every writer.
#pragma once

#include <cstdint>
#include <string>

#include "exporter/core/judge/memory.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::core {

/// The highest epoch ever seen is this one from now on. Whoever was confirmed on a higher one needs
/// this number, and any other node a higher one. Returns why it is refused; empty: done. Refused
/// while anybody shows a higher number: it would be raised again at once.
std::string lower_epoch(ShardMemory& memory, const ShardSpec& spec, const ShardObservations& latest,
                        Epoch to);

/// The same for the highest generation of the shard map.
std::string lower_generation(ShardMemory& memory, const ShardObservations& latest, std::int64_t to);

}  // namespace rpoguard::core
