#include "exporter/core/judge/synchronous.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "exporter/base/check.hpp"
#include "exporter/core/judge/synchronous_names.hpp"

namespace rpoguard::core {
namespace {

/// Walsenders of counted copies, at the head of the WAL.
using Rows = std::vector<const ReplicationRow*>;

bool named(const std::string& name, const ReplicationRow& row) {
  const SynchronousNames alone{
      .method = SynchronousNames::Method::any, .count = 1, .names = {name}};
  return alone.holds(row.application_name);
}

// Of the `count` that answer first, how many are counted copies whoever is quick? Whoever stands in
// the list may be connected at the next moment, so absence is no excuse.
int sure_of_any(const SynchronousNames& names, const NodeFacts& writer, const Rows& copies) {
  std::int64_t others = 0;
  std::int64_t in_list = 0;
  for (const std::string& name : names.names) {
    const bool ours =
        std::ranges::any_of(copies, [&](const auto* row) { return named(name, *row); });
    if (name != "*" && !ours) ++others;
  }
  for (const ReplicationRow& row : writer.replication) {
    const bool ours = std::ranges::find(copies, &row) != copies.end();
    const bool by_name = std::ranges::any_of(
        names.names, [&](const std::string& name) { return name != "*" && named(name, row); });
    if (ours && names.holds(row.application_name)) ++in_list;
    if (!ours && !by_name && names.holds(row.application_name)) ++others;
  }
  return static_cast<int>(std::clamp<std::int64_t>(names.count - others, 0, in_list));
}

// How many counted copies does each commit surely wait for?
int surely_waited_for(const SynchronousNames& names, const NodeFacts& writer, const Rows& copies) {
  if (names.method == SynchronousNames::Method::any) return sure_of_any(names, writer, copies);
  return static_cast<int>(
      std::ranges::count_if(copies, [](const auto* row) { return row->sync_state == "sync"; }));
}

// Does a commit at this level of synchronous_commit wait for what counts?
bool waits_enough(const ShardSpec& spec, const std::string& level) {
  return level == "remote_apply" || (level == "on" && spec.durability == Durability::flush);
}

// Why commits do not wait for copies, whichever those are; empty: they may.
std::string weak_settings(const ShardSpec& spec, const NodeFacts& writer) {
  const std::string& level = writer.synchronous_commit;
  if (!waits_enough(spec, level)) {
    return "rpo is 0, but synchronous_commit is " + level + " on the writer: commits do not wait " +
           (spec.durability == Durability::flush ? "until copies have flushed"
                                                 : "until copies have replayed");
  }
  // What these sessions are told is not on the copies.
  if (const auto& weakest = writer.weakest_commit; weakest && !waits_enough(spec, weakest->level))
    return "rpo is 0, but synchronous_commit is lowered for " + weakest->whom + ": " +
           weakest->level;
  if (writer.synchronous_commit_hidden)
    return "rpo is 0, but synchronous_commit is set for rpoguard's own role or database, which "
           "hides what others get: set it for the server, or for all roles";
  if (writer.synchronous_standby_names.empty())
    return "rpo is 0, but synchronous_standby_names is empty on the writer: commits wait for no "
           "standby";
  return "";
}

// Why those are too few that each commit surely waits for; empty: they are enough.
std::string too_few(const ShardSpec& spec, const NodeFacts& writer, const Rows& copies) {
  const std::string& setting = writer.synchronous_standby_names;
  const auto names = parse_synchronous_names(setting);
  const int sure = names ? surely_waited_for(*names, writer, copies) : 0;
  if (sure >= spec.copies) return "";
  return "rpo is 0, but with synchronous_standby_names = '" + setting +
         "' a commit is sure to be on " + std::to_string(sure) + " of the " +
         std::to_string(spec.copies) + " counted copies";
}

// A name that more than one of its walsenders has; empty: none.
std::string name_of_several(const NodeFacts& writer) {
  std::set<std::string> names;
  for (const ReplicationRow& row : writer.replication) {
    if (!names.insert(row.application_name).second) return row.application_name;
  }
  return "";
}

// Does the writer wait for this copy, and has it all that was acknowledged before `least`? It is
// called synchronous as soon as the setting says so, however far behind it is.
bool caught_up(const ShardSpec& spec, const Copy& copy, const ReplicationRow& row, Instant least,
               const WalClock& clock) {
  if (row.sync_state != "sync" && row.sync_state != "quorum") return false;
  // The name may be a stranger's, or the server's own name one that may not count.
  if (!copy.row_trusted || !copy.told_apart) return false;
  const bool flushed_is_enough = spec.durability == Durability::flush && !copy.has_target;
  const auto position = flushed_is_enough ? row.flush_lsn : row.replay_lsn;
  const auto proven = position ? clock.proven_until(*position) : std::nullopt;
  return proven && *proven >= least;
}

}  // namespace

SynchronousLook look_at_waiting(const ShardSpec& spec, const Copies& copies,
                                const ConfirmedWriter& writer, const WalClock& clock,
                                Instant since) {
  RPOGUARD_CHECK(copies.size() == spec.nodes.size());
  // A setting that was changed and changed back between two looks must not go unnoticed for long.
  const Instant least = std::max(since, writer.asked() - spec.proof_ttl);
  SynchronousLook look;
  Rows rows;
  std::string without_row;
  for (std::size_t node = 0; node < copies.size(); ++node) {
    if (!copies[node].counted) continue;
    const auto* row = row_of(writer.facts(), copies[node].row_name);
    if (row == nullptr) without_row += (without_row.empty() ? "" : ", ") + spec.nodes[node].name;
    if (row == nullptr || row->state != "streaming") continue;
    rows.push_back(row);
    if (caught_up(spec, copies[node], *row, least, clock)) ++look.caught_up;
  }
  look.problem = weak_settings(spec, writer.facts());
  if (!look.problem.empty()) return look;
  look.problem = too_few(spec, writer.facts(), rows);
  look.unknown = !look.problem.empty() && !without_row.empty();
  if (!look.unknown) return look;
  look.problem = "rpo is 0, but whether commits wait for " + without_row + " is not known: ";
  const std::string twice = name_of_several(writer.facts());
  look.problem += twice.empty() ? "the writer has no walsender that is known to be its"
                                : "several walsenders of the writer are called " + twice +
                                      "; give each standby a name of its own (cluster_name, or "
                                      "application_name in primary_conninfo)";
  return look;
}

}  // namespace rpoguard::core
