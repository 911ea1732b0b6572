#include "exporter/core/judge/stamp_mark.hpp"

namespace rpoguard::core {
namespace {

// Is `mark` still in the writer's WAL, which now shows `now`? A restored server is stamped anew
// from a low number on.
bool goes_on(const StampMark& mark, const StampMark& now) {
  return mark.system_identifier == now.system_identifier && mark.timeline == now.timeline &&
         (mark.epoch < now.epoch ||
          (mark.epoch == now.epoch && mark.promoted_at == now.promoted_at));
}

bool is_on_timeline(const StampMark& mark, const NodeFacts& copy) {
  return copy.in_recovery && copy.system_identifier == mark.system_identifier &&
         copy.timeline == mark.timeline;
}

}  // namespace

std::optional<StampMark> follow_stamp_mark(std::optional<StampMark> known,
                                           const std::optional<ConfirmedWriter>& writer) {
  if (!writer) return known;
  const NodeFacts& facts = writer->facts();
  const bool promoted = facts.timeline > Timeline{1};
  if (!promoted || !facts.stamped || !facts.stamped->promoted_at || !facts.insert_lsn)
    return std::nullopt;
  const StampMark now{.epoch = facts.stamped->epoch,
                      .promoted_at = *facts.stamped->promoted_at,
                      .system_identifier = facts.system_identifier,
                      .timeline = facts.timeline,
                      .before = *facts.insert_lsn};
  return known && goes_on(*known, now) ? known : now;
}

bool shows_another(const StampMark& mark, const NodeFacts& copy) {
  if (!is_on_timeline(mark, copy) || !copy.stamped) return false;
  const auto& at = copy.stamped->promoted_at;
  return copy.stamped->epoch < mark.epoch ||
         (copy.stamped->epoch == mark.epoch && at && *at != mark.promoted_at);
}

bool shows_none(const StampMark& mark, const NodeFacts& copy) {
  return is_on_timeline(mark, copy) && !copy.stamped;
}

}  // namespace rpoguard::core
