#include "exporter/run/event_json.hpp"

#include <nlohmann/json.hpp>

namespace rpoguard::run {
namespace {

using nlohmann::ordered_json;

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

}  // namespace

std::string render_event(const core::RecordedEvent& recorded) {
  const core::Event& event = recorded.event;
  const std::string kind = name_of(event.kind);
  const ordered_json json{{"id", recorded.id},
                          {"type", "rpoguard." + kind},
                          {"timestamp", core::render_time(recorded.at)},
                          {"data",
                           {{"kind", kind},
                            {"shard", text_or_null(event.shard)},
                            {"node", text_or_null(event.node)},
                            {"from", text_or_null(event.from)},
                            {"to", text_or_null(event.to)},
                            {"reason", text_or_null(event.reason)},
                            {"text", text_or_null(event.text)}}}};
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace rpoguard::run
