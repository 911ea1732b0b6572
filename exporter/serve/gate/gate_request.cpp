#include "exporter/serve/gate/gate_request.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::serve {
namespace {

struct Field {
  const char* query;
  const char* header;
};
constexpr Field kEpoch{"epoch", "rpoguard-epoch"};
constexpr Field kTimeline{"timeline", "rpoguard-timeline"};
constexpr Field kWriter{"writer", "rpoguard-writer"};
constexpr Field kGeneration{"generation", "rpoguard-generation"};
constexpr Field kPriority{"priority", "rpoguard-priority"};

constexpr std::array kFields{kEpoch, kTimeline, kWriter, kGeneration, kPriority};

using Text = std::optional<std::string_view>;

// What the caller says, in whichever place.
struct Said {
  const HttpQuery& query;
  const HttpHeaders& headers;
  const HttpNames& repeated;
};

// "epochs", "epoc", "eposh", "eopch": one letter too many, too few, another one, or two that have
// changed places.
bool is_slip_of(std::string_view text, std::string_view word) {
  while (!text.empty() && !word.empty() && base::lower(text.front()) == word.front()) {
    text.remove_prefix(1);
    word.remove_prefix(1);
  }
  while (!text.empty() && !word.empty() && base::lower(text.back()) == word.back()) {
    text.remove_suffix(1);
    word.remove_suffix(1);
  }
  if (text.size() == 2 && word.size() == 2)
    return base::lower(text) == std::string{word[1], word[0]};
  return text.size() <= 1 && word.size() <= 1 && text.size() + word.size() > 0;
}

// "1;epoch=7": who wrote that meant two parameters.
bool holds_parameter(std::string_view value, std::string_view name) {
  const std::size_t start = value.find_first_of(";&?");
  if (start == std::string_view::npos) return false;
  value.remove_prefix(start + 1);
  const std::size_t equals = std::min(value.find('='), value.find_first_of(";&?"));
  if (equals < value.size() && value[equals] == '=' &&
      base::has_word(value.substr(0, equals), name))
    return true;
  return holds_parameter(value, name);
}

bool is_misspelt(const Said& said, const Field& field) {
  const auto in_query = [&](const auto& pair) {
    const auto& [name, value] = pair;
    return (name != field.query && base::has_word(name, field.query)) ||
           is_slip_of(name, field.query) || holds_parameter(value, field.query);
  };
  const auto in_headers = [&](const auto& header) {
    const std::string& name = header.first;
    return (name != field.header && base::has_word(name, "rpoguard") &&
            base::has_word(name, field.query)) ||
           is_slip_of(name, field.header);
  };
  return std::ranges::any_of(said.query, in_query) || std::ranges::any_of(said.headers, in_headers);
}

// Whatever looks like a statement is one, or is refused.
std::optional<base::Error> find_misspelt(const Said& said) {
  for (const Field& field : kFields) {
    if (said.repeated.contains(field.header))
      return base::Error{std::string("the header ") + field.header + " is given more than once"};
    if (is_misspelt(said, field))
      return base::Error{std::string("something looks like ") + field.query +
                         " and cannot be read: write " + field.query +
                         "=VALUE, and '&' between two parameters, or the header " + field.header};
  }
  return std::nullopt;
}

base::Result<Text> find_text(const Said& said, const Field& field) {
  const auto [first, last] = said.query.equal_range(field.query);
  const Text in_header = find_header(said.headers, field.header);
  if (first == last) return in_header;
  if (std::next(first) != last)
    return base::Error{std::string(field.query) + " is given more than once"};
  if (in_header && *in_header != first->second)
    return base::Error{std::string(field.query) + " of the query contradicts the header " +
                       field.header};
  return Text(first->second);
}

base::Result<std::optional<std::int64_t>> find_number(const Said& said, const Field& field) {
  const base::Result<Text> text = find_text(said, field);
  if (!text) return text.error();
  if (!text.value()) return std::optional<std::int64_t>();
  const auto number = base::parse_number<std::int64_t>(*text.value());
  if (!number || text.value()->starts_with('-')) {
    return base::Error{std::string(field.query) + " must be a whole number, 0 or greater"};
  }
  return number;
}

base::Result<std::optional<core::Timeline>> find_timeline(const Said& said) {
  const base::Result<Text> text = find_text(said, kTimeline);
  if (!text) return text.error();
  if (!text.value()) return std::optional<core::Timeline>();
  const auto number = base::parse_number<std::uint32_t>(*text.value());
  if (!number || *number == 0)
    return base::Error{"timeline must be a whole number from 1 to 4294967295"};
  return std::optional(core::Timeline{*number});
}

base::Result<std::optional<std::string>> find_writer(const Said& said) {
  const base::Result<Text> text = find_text(said, kWriter);
  if (!text) return text.error();
  if (!text.value()) return std::optional<std::string>();
  if (text.value()->empty() || text.value()->size() > core::limits::kNameBytesMax)
    return base::Error{"writer must be the name of a node"};
  return std::optional<std::string>(*text.value());
}

base::Result<bool> find_low_priority(const Said& said) {
  const base::Result<Text> text = find_text(said, kPriority);
  if (!text) return text.error();
  const std::string_view priority = text.value().value_or("normal");
  if (priority == "low") return true;
  if (priority == "normal" || priority == "high") return false;
  return base::Error{"priority must be low, normal or high"};
}

}  // namespace

base::Result<core::GateRequest> parse_gate_request(const HttpQuery& query,
                                                   const HttpHeaders& headers,
                                                   const HttpNames& repeated) {
  const Said said{.query = query, .headers = headers, .repeated = repeated};
  if (auto misspelt = find_misspelt(said)) return *std::move(misspelt);
  const auto epoch = find_number(said, kEpoch);
  if (!epoch) return epoch.error();
  auto timeline = find_timeline(said);
  if (!timeline) return timeline.error();
  auto writer = find_writer(said);
  if (!writer) return writer.error();
  const auto generation = find_number(said, kGeneration);
  if (!generation) return generation.error();
  const auto low_priority = find_low_priority(said);
  if (!low_priority) return low_priority.error();

  core::GateRequest result;
  if (epoch.value()) result.epoch = core::Epoch{*epoch.value()};
  result.timeline = timeline.value();
  result.writer = std::move(writer).value();
  result.generation = generation.value();
  result.low_priority = low_priority.value();
  return result;
}

}  // namespace rpoguard::serve
