// What happened between two views of a shard: the entries of the journal and the triggers of hooks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/core/units.hpp"

namespace rpoguard::core {

struct ShardView;

/// Spelled alike in the configuration (hooks[].events), the journal and what hooks are told.
enum class EventKind {
  gate_closed,
  gate_opened,
  gate_reason_changed,  ///< it stays closed, for another reason than before
  writer_lost,
  writer_changed,  ///< another node is the confirmed writer, or there is one again
  epoch_changed,   ///< the highest epoch has risen
  split_brain,
  split_brain_ended,
  node_diverged,
  archive_stalled,    ///< the archive needs a look, or is older than the policy allows
  archive_recovered,  ///< and is in order again
  frozen,             ///< an operator has frozen writes, or has set the freeze anew
  unfrozen,
  config_reloaded,
  config_refused,  ///< a reload failed, the old configuration stays
};
inline constexpr std::size_t kEventKindCount = 15;
const char* name_of(EventKind kind);
std::optional<EventKind> parse_event_kind(std::string_view name);

/// Texts may hold what servers and operators wrote; no secrets.
struct Event {
  EventKind kind = EventKind::gate_closed;
  std::string shard{};   ///< empty: the process as a whole
  std::string node{};    ///< empty: the shard as a whole
  std::string from{};    ///< "open", a node, an epoch, a reason; empty where there is none
  std::string to{};      ///< in the same words
  std::string reason{};  ///< why the gate is closed, by its name; empty while it is open
  std::string text{};    ///< one sentence for a person
  friend bool operator==(const Event&, const Event&) = default;
};

/// An event as it stands in the journal.
struct RecordedEvent {
  std::string id;  ///< unique also across restarts; letters, digits and "-"
  WallTime at{};
  Event event;
};

/// Pure. In the order of a reading: what happened to nodes and the writer, then what the gate made
/// of it. `before` may be null (the first view since the start): then `from` is "unknown" for the
/// gate, and only what is wrong counts as having happened. What is unknown is not news.
std::vector<Event> events_between(const ShardView* before, const ShardView& after);

}  // namespace rpoguard::core
