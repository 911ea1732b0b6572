#include "exporter/run/event_log.hpp"

#include <algorithm>

namespace rpoguard::run {
namespace {

// Null if the event has no such detail.
const std::string* value_of(const core::Event& event, const core::EventField& field) {
  if (field.member != nullptr) return &(event.*field.member);
  const auto found =
      std::ranges::find(event.details, field.key, &std::pair<std::string, std::string>::first);
  return found == event.details.end() ? nullptr : &found->second;
}

}  // namespace

std::optional<LogLine> log_line_of(const core::Event& event) {
  const core::EventRow& row = core::row_of(event.kind);
  if (row.title == nullptr) return std::nullopt;
  LogLine line{.level = row.level, .message = row.title, .fields = {}};
  if (!event.shard.empty()) line.fields.emplace_back("shard", event.shard);
  for (const core::EventField& field : row.fields) {
    if (field.key == nullptr) break;
    if (const std::string* value = value_of(event, field))
      line.fields.emplace_back(field.key, *value);
  }
  return line;
}

}  // namespace rpoguard::run
