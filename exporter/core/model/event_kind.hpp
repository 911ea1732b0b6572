// What can happen to a shard, by name. Each kind is one row of the table in event.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace rpoguard::core {

/// The first kEventKindCount are told to hooks and the journal, and spelled alike there and in the
/// configuration (hooks[].events). The log alone tells of the rest.
enum class EventKind {
  gate_closed,
  gate_opened,
  gate_reason_changed,  ///< it stays closed, for another reason than before
  writer_lost,
  writer_changed,   ///< another node is the confirmed writer, or there is one again
  writer_lost_wal,  ///< it has less of its own WAL than it had flushed
  epoch_changed,    ///< the highest epoch has risen
  number_lowered,  ///< an operator has lowered the highest epoch, or generation, that is remembered
  split_brain,
  split_brain_ended,
  rival_forgotten,  ///< an operator has struck a rival of a split brain off
  node_diverged,
  node_readmitted,    ///< a node counts again: an operator says so, or a mark that it holds
  archive_stalled,    ///< the archive needs a look, or is older than the policy allows
  archive_recovered,  ///< and is in order again
  frozen,             ///< an operator has frozen writes, or has set the freeze anew
  unfrozen,
  waiver_granted,  ///< by a stamped promotion or an operator, or with another end
  waiver_ended,
  config_reloaded,
  config_refused,  ///< a reload failed, the old configuration stays

  node_silent,
  node_answers,
  node_history_unknown,  ///< it does not say how its timeline came about
  node_lineage_unknown,  ///< nobody can tell whose WAL it holds, so it does not count
  node_marks_unusable,   ///< it has marks of the writer's runs, and they cannot be used
  node_in_order,         ///< it has become writer or standby
  node_out_of_order,     ///< it has become anything else
  witness_silent,
  witness_answers,
  endpoint_silent,
  endpoint_answers,
  endpoint_misrouted,
  endpoint_on_writer,
  synchronous_downgraded,
  synchronous_kept,
  archive_silent,
  archive_answers,
  archive_noted,     ///< what there is to say about the archive has changed
  archive_in_order,  ///< there is nothing to say about it any more
};
inline constexpr std::size_t kEventKindCount = 21;
inline constexpr std::size_t kLoggedKindCount = 19;
const char* name_of(EventKind kind);
/// Of those that hooks can be told; nullopt for any other text.
std::optional<EventKind> parse_event_kind(std::string_view name);
/// Hooks and the journal get it.
bool is_told(EventKind kind);

}  // namespace rpoguard::core
