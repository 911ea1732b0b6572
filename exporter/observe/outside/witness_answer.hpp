// What a witness answers: JSON with a number in it.
#pragma once

#include <string>
#include <variant>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::observe {

/// Witnesses answer little; a longer body is not read.
inline constexpr std::size_t kWitnessBytesMax = 64 * 1024;

/// Reads what the witness's pointers lead to. The number must be a whole one from 0, written as a
/// number; the writer a string, or null for nobody. Everything else is a bad_answer: messages
/// repeat nothing of the body.
std::variant<core::WitnessFacts, core::ProbeError> decode_witness(const core::WitnessSpec& spec,
                                                                  int status,
                                                                  const std::string& body);

}  // namespace rpoguard::observe
