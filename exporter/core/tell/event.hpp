// An event: what the log, the journal and hooks say when something has happened.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "exporter/core/model/event_kind.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

enum class Level { info, warning, error };

/// Texts may hold what servers and operators wrote; no secrets.
struct Event {
  EventKind kind = EventKind::gate_closed;
  std::string shard{};   ///< empty: the process as a whole
  std::string node{};    ///< empty: the shard as a whole
  std::string from{};    ///< "open", a node, an epoch, a reason; empty where there is none
  std::string to{};      ///< in the same words
  std::string reason{};  ///< why the gate is closed, by its name; empty while it is open
  std::string text{};    ///< one sentence for a person; may be empty if only the log tells of it
  /// What only the log says, by the keys of the kind's fields: {"exposure", "1s"}.
  std::vector<std::pair<std::string, std::string>> details{};
  friend bool operator==(const Event&, const Event&) = default;
};

/// A field of the log line: a member of the event, or one of its details, left out if it has none.
struct EventField {
  const char* key = nullptr;  ///< null: there are no more fields
  std::string Event::*member = nullptr;
};

/// All there is to say about a kind.
struct EventRow {
  EventKind kind;
  const char* name;
  Level level;
  const char* title;                      ///< the log line's; null: the log says it otherwise
  std::array<EventField, 5> fields = {};  ///< after the shard, in this order
};
const EventRow& row_of(EventKind kind);

/// An event as it stands in the journal.
struct RecordedEvent {
  std::string id;  ///< unique also across restarts; letters, digits and "-"
  WallTime at{};
  Event event;
};

}  // namespace rpoguard::core
