#include "exporter/notify/alert_book.hpp"

#include <algorithm>

namespace rpoguard::notify {

using core::Instant;
using core::WallTime;

void AlertBook::set(const std::string& shard, const std::vector<core::Alert>& alerts, Instant now,
                    WallTime wall) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto current = entry++;
    const bool lasts = std::ranges::any_of(
        alerts, [&](const core::Alert& alert) { return alert.labels == current->first; });
    if (current->second.shard == shard && !lasts) end(current, wall);
  }
  for (const core::Alert& alert : alerts) {
    const auto found = entries_.find(alert.labels);
    if (found == entries_.end()) {
      Entry& entry = entries_[alert.labels];
      entry.shard = shard;
      entry.alert = alert;
      entry.since = now;
      entry.starts = wall;
      entry.version = ++versions_;
      continue;
    }
    Entry& entry = found->second;
    entry.alert = alert;
    if (!entry.over) continue;
    // Back before anybody has been told of its end: it has never ended.
    entry.over.reset();
    entry.told.reset();
    entry.version = ++versions_;
  }
}

void AlertBook::keep_only(const std::vector<std::string>& shards, WallTime wall) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto current = entry++;
    if (std::ranges::find(shards, current->second.shard) == shards.end()) end(current, wall);
  }
}

// What nobody was told of needs no end.
void AlertBook::end(std::map<Labels, Entry>::iterator entry, WallTime wall) {
  if (entry->second.over) return;
  if (!entry->second.handed_out) {
    entries_.erase(entry);
    return;
  }
  entry->second.over = wall;
  entry->second.version = ++versions_;
}

Instant AlertBook::due_at(const Entry& entry) {
  if (entry.over) return Instant{};
  return entry.told ? *entry.told + kAlertResend : entry.since + entry.alert.hold;
}

std::vector<AlertBook::Message> AlertBook::take_due(Instant now, WallTime wall) {
  const auto good_for = std::chrono::duration_cast<WallTime::duration>(kAlertGoodFor);
  std::vector<Message> messages;
  for (auto& [labels, entry] : entries_) {
    if (due_at(entry) > now) continue;
    entry.handed_out = true;
    messages.push_back(
        {entry.alert, entry.starts, entry.over.value_or(wall + good_for), entry.version});
  }
  return messages;
}

std::optional<Instant> AlertBook::next_due() const {
  std::optional<Instant> next;
  for (const auto& [labels, entry] : entries_)
    next = std::min(next.value_or(due_at(entry)), due_at(entry));
  return next;
}

void AlertBook::sent(const std::vector<Message>& messages, Instant now) {
  for (const Message& message : messages) {
    const auto found = entries_.find(message.alert.labels);
    if (found == entries_.end()) continue;
    Entry& entry = found->second;
    // It has ended or come back meanwhile, and that is still to be told.
    if (entry.version != message.version) continue;
    if (entry.over) {
      entries_.erase(found);
    } else {
      entry.told = now;
    }
  }
}

}  // namespace rpoguard::notify
