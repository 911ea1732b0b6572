#include "exporter/core/event.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "exporter/core/view.hpp"

namespace rpoguard::core {
namespace {

constexpr std::array<const char*, kEventKindCount> kKindNames{
    "gate_closed",    "gate_opened",     "gate_reason_changed", "writer_lost",
    "writer_changed", "epoch_changed",   "split_brain",         "split_brain_ended",
    "node_diverged",  "archive_stalled", "archive_recovered",   "frozen",
    "unfrozen",       "config_reloaded", "config_refused"};

std::string reason_of(const ShardView& view) {
  return view.gate.reasons.empty() ? "" : name_of(view.gate.reasons.front());
}

bool has_reason(const ShardView& view, Reason reason) {
  return std::ranges::find(view.gate.reasons, reason) != view.gate.reasons.end();
}

std::string epoch_text(const std::optional<Epoch>& epoch) {
  return epoch ? std::to_string(epoch->value) : "";
}

// Everything that one comparison finds.
class Comparison {
 public:
  Comparison(const ShardView* before, const ShardView& after) : before_(before), after_(after) {}

  std::vector<Event> run() {
    compare_nodes();
    compare_split_brain();
    compare_epoch();
    compare_writer();
    compare_archive();
    compare_freeze();
    compare_gate();
    return std::move(events_);
  }

 private:
  Event& add(EventKind kind, std::string text) {
    Event& event = events_.emplace_back();
    event.kind = kind;
    event.shard = after_.spec->id;
    event.reason = reason_of(after_);
    event.text = std::move(text);
    return event;
  }

  void add_change(EventKind kind, std::string from, std::string to, std::string text) {
    Event& event = add(kind, std::move(text));
    event.from = std::move(from);
    event.to = std::move(to);
  }

  bool was_diverged(const NodeView& node) const {
    if (before_ == nullptr) return false;
    return std::ranges::any_of(before_->nodes, [&](const NodeView& then) {
      return then.name == node.name && then.diverged_bytes.value_or(0) > 0;
    });
  }

  void compare_nodes() {
    for (const NodeView& node : after_.nodes) {
      if (node.diverged_bytes.value_or(0) == 0 || was_diverged(node)) continue;
      add(EventKind::node_diverged, node.name + " has diverged by " +
                                        std::to_string(*node.diverged_bytes) +
                                        " bytes: it needs pg_rewind or a re-seed")
          .node = node.name;
    }
  }

  void compare_split_brain() {
    const bool was = before_ != nullptr && has_reason(*before_, Reason::split_brain);
    const bool is = has_reason(after_, Reason::split_brain);
    if (was == is) return;
    if (is) {
      add(EventKind::split_brain, after_.gate.detail);
    } else {
      add(EventKind::split_brain_ended, "the split brain is over");
    }
  }

  void compare_epoch() {
    if (before_ == nullptr || !before_->highest_epoch || !after_.highest_epoch) return;
    if (before_->highest_epoch == after_.highest_epoch) return;
    add_change(EventKind::epoch_changed, epoch_text(before_->highest_epoch),
               epoch_text(after_.highest_epoch),
               "the highest epoch is now " + epoch_text(after_.highest_epoch));
  }

  void compare_writer() {
    const auto* was = before_ != nullptr && before_->writer ? &*before_->writer : nullptr;
    const auto* is = after_.writer ? &*after_.writer : nullptr;
    if (is == nullptr) {
      if (was != nullptr)
        add_change(EventKind::writer_lost, was->node, "", "no writer is confirmed any more");
      return;
    }
    if (was != nullptr && was->node == is->node && was->epoch == is->epoch) return;
    add_change(EventKind::writer_changed, was == nullptr ? "" : was->node, is->node,
               is->node + " in " + is->region + " is the writer of epoch " + epoch_text(is->epoch));
    events_.back().node = is->node;
  }

  static bool stalled(const ShardView& view) {
    return !view.archive.note.empty() || has_reason(view, Reason::archive_too_old);
  }

  void compare_archive() {
    const bool was = before_ != nullptr && stalled(*before_);
    const bool is = stalled(after_);
    if (was == is) return;
    if (is) {
      const std::string& note = after_.archive.note;
      add(EventKind::archive_stalled, note.empty() ? meaning_of(Reason::archive_too_old) : note);
    } else {
      add(EventKind::archive_recovered, "the archive is in order again");
    }
  }

  void compare_freeze() {
    const std::optional<Freeze> none;
    const auto& was = before_ == nullptr ? none : before_->freeze;
    if (was == after_.freeze) return;
    if (after_.freeze) {
      add(EventKind::frozen, render_freeze(*after_.freeze));
    } else {
      add(EventKind::unfrozen, after_.freeze_ended);
    }
  }

  void compare_gate() {
    const bool open = after_.gate.reasons.empty();
    const bool was_open = before_ != nullptr && before_->gate.reasons.empty();
    const std::string from = before_ == nullptr ? "unknown" : was_open ? "open" : "closed";
    if (open) {
      if (was_open) return;
      add_change(
          EventKind::gate_opened, from, "open",
          after_.gate.waived ? "open under a waiver, without proof of a remote copy" : "open");
    } else if (before_ == nullptr || was_open) {
      add_change(EventKind::gate_closed, from, "closed", after_.gate.detail);
    } else if (reason_of(*before_) != reason_of(after_)) {
      add_change(EventKind::gate_reason_changed, reason_of(*before_), reason_of(after_),
                 after_.gate.detail);
    }
  }

  const ShardView* before_;
  const ShardView& after_;
  std::vector<Event> events_;
};

}  // namespace

const char* name_of(EventKind kind) {
  return kKindNames.at(static_cast<std::size_t>(kind));
}

std::optional<EventKind> parse_event_kind(std::string_view name) {
  const auto* found = std::ranges::find(kKindNames, name);
  if (found == kKindNames.end()) return std::nullopt;
  return static_cast<EventKind>(found - kKindNames.begin());
}

std::vector<Event> events_between(const ShardView* before, const ShardView& after) {
  return Comparison(before, after).run();
}

}  // namespace rpoguard::core
