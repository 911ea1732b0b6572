#include "exporter/observe/outside/witness_answer.hpp"

#include <cstdint>

#include <nlohmann/json.hpp>

#include "exporter/base/utf8.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::observe {
namespace {

using core::ProbeError;
using core::ProbeFailure;
using nlohmann::json;

ProbeError bad(const std::string& what) {
  return ProbeError{ProbeFailure::bad_answer, what};
}

ProbeError bad_status(int status) {
  const bool denied = status == 401 || status == 403;
  return ProbeError{denied ? ProbeFailure::auth_failed : ProbeFailure::query_failed,
                    "it answers with status " + std::to_string(status)};
}

// What the pointer leads to; null: nothing.
const json* find(const json& document, const std::string& pointer) {
  try {
    const json::json_pointer at(pointer);
    return document.contains(at) ? &document.at(at) : nullptr;
  } catch (const json::exception&) {
    return nullptr;  // a pointer that is none leads nowhere
  }
}

}  // namespace

std::variant<core::WitnessFacts, core::ProbeError> decode_witness(const core::WitnessSpec& spec,
                                                                  int status,
                                                                  const std::string& body) {
  if (status != 200) return bad_status(status);
  const json document = json::parse(body, nullptr, false);
  if (document.is_discarded()) return bad("its answer is not JSON");
  const json* const number = find(document, spec.pointer);
  // Unsigned is what the parser makes of every whole number without a sign.
  if (number == nullptr || !number->is_number_unsigned() ||
      number->get<std::uint64_t>() > std::uint64_t{core::limits::kEpochMax})
    return bad("its answer has no whole number from 0 to " +
               std::to_string(core::limits::kEpochMax) + " at " + spec.pointer);
  core::WitnessFacts facts;
  facts.number = number->get<std::int64_t>();
  if (spec.writer_pointer.empty()) return facts;
  const json* const writer = find(document, spec.writer_pointer);
  if (writer == nullptr || !(writer->is_string() || writer->is_null()))
    return bad("its answer has no text at " + spec.writer_pointer);
  // One byte more than a name may have: what is cut is nobody's name.
  if (writer->is_string())
    facts.writer = base::foreign_text(writer->get<std::string>(), core::limits::kNameBytesMax + 1);
  return facts;
}

}  // namespace rpoguard::observe
