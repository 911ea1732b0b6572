#include "exporter/serve/gate_request.hpp"

#include <cstdint>
#include <string_view>

#include "exporter/base/number.hpp"

namespace rpoguard::serve {
namespace {

struct Field {
  const char* query;
  const char* header;
};
constexpr Field kEpoch{"epoch", "rpoguard-epoch"};
constexpr Field kGeneration{"generation", "rpoguard-generation"};
constexpr Field kPriority{"priority", "rpoguard-priority"};

using Text = std::optional<std::string_view>;

core::Result<Text> find_text(const HttpRequest& request, const Field& field) {
  Text text;
  const auto [first, last] = request.query.equal_range(field.query);
  if (first != last) {
    if (std::next(first) != last) {
      return core::Error{std::string(field.query) + " is given more than once"};
    }
    text = first->second;
  }
  const auto header = request.headers.find(field.header);
  if (header != request.headers.end()) {
    if (text && *text != header->second) {
      return core::Error{std::string(field.query) + " of the query contradicts the header " +
                         field.header};
    }
    text = header->second;
  }
  return text;
}

core::Result<std::optional<std::int64_t>> find_number(const HttpRequest& request,
                                                      const Field& field) {
  const core::Result<Text> text = find_text(request, field);
  if (!text) return text.error();
  if (!text.value()) return std::optional<std::int64_t>();
  const auto number = base::parse_number<std::int64_t>(*text.value());
  if (!number || text.value()->starts_with('-')) {
    return core::Error{std::string(field.query) + " must be a whole number, 0 or greater"};
  }
  return number;
}

core::Result<bool> find_low_priority(const HttpRequest& request) {
  const core::Result<Text> text = find_text(request, kPriority);
  if (!text) return text.error();
  const std::string_view priority = text.value().value_or("normal");
  if (priority == "low") return true;
  if (priority == "normal" || priority == "high") return false;
  return core::Error{"priority must be low, normal or high"};
}

}  // namespace

core::Result<core::GateRequest> parse_gate_request(const HttpRequest& request) {
  const auto epoch = find_number(request, kEpoch);
  if (!epoch) return epoch.error();
  const auto generation = find_number(request, kGeneration);
  if (!generation) return generation.error();
  const auto low_priority = find_low_priority(request);
  if (!low_priority) return low_priority.error();

  core::GateRequest result;
  if (epoch.value()) result.epoch = core::Epoch{*epoch.value()};
  result.generation = generation.value();
  result.low_priority = low_priority.value();
  return result;
}

}  // namespace rpoguard::serve
