// Deliberate mistakes in exporter/core/judge, one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <ostream>

namespace rpoguard::test {

struct Mutant {
  const char* name;
  const char* file;      ///< in exporter/core/judge
  const char* original;  ///< stands there exactly once
  const char* changed;
  const char* breaks;  ///< what is lost
  /// The kind of world that shows it (tests/sim/profiles.hpp). Empty: no simulated world does, the
  /// unit tests of core do.
  const char* profile;
  int hours;  ///< simulated at most
  std::uint64_t seed = 9'000'000;

  constexpr bool by_unit_tests() const { return *profile == '\0'; }
};

inline std::ostream& operator<<(std::ostream& out, const Mutant& mutant) {
  return out << mutant.name;
}

inline constexpr std::array kMutants{
    Mutant{"proof_outlives_its_reading", "copies.cpp", "std::min(*until, copy.position_as_of)",
           "*until", "an old reading goes on proving the present of an idle writer", "idle", 100},
    Mutant{"row_of_a_stranger", "copies.cpp",
           "if (!copy.row_trusted || !is_news(reported, copy)) return;",
           "if (!is_news(reported, copy)) return;",
           "a row that never agreed with its copy is believed", "faults", 100},
    Mutant{"row_that_stands_still", "copies.cpp",
           "if (!copy.row_trusted || !is_news(reported, copy)) return;",
           "if (!copy.row_trusted) return;", "a dead connection's last word is news", "", 0},
    Mutant{"row_of_this_moment", "copies.cpp", "copy.row_unmoved_at.value_or(Instant{})",
           "copy.row_unmoved_at.value_or(Instant{}) + std::chrono::seconds(1)",
           "a row that has moved is dated by the look that saw it", "", 0},
    Mutant{"ratchet", "copies.cpp",
           "copy.position = own_position(reading.facts(), source.origin->system_identifier);",
           "const auto own = own_position(reading.facts(), source.origin->system_identifier);\n"
           "  if (own && (!copy.position || own->flushed > copy.position->flushed)) "
           "copy.position = own;",
           "a re-seeded copy keeps the position it had", "failovers", 200},
    Mutant{"copies_beside_the_writer_count", "copies.cpp", "node.region != writer_region &&", "",
           "a copy that dies with the region is counted", "faults", 100},
    Mutant{"any_history_will_do", "recovery_point.cpp",
           "return fork && (!fork->point || position <= *fork->point);", "return true;",
           "a position on another timeline is taken for one on the writer's", "failovers", 200},
    Mutant{"best_instead_of_kth", "recovery_point.cpp", "proofs[static_cast<std::size_t>(k) - 1]",
           "proofs.front()", "one copy is enough where two are promised", "faults", 200},
    Mutant{"snapshots_over_runs", "recovery_point.cpp",
           "before.backends_started == after.backends_started);", "true);",
           "transaction ids that a crash of the backends gives out again look idle", "histories",
           200},
    Mutant{"copy_ahead_at_a_start", "lineage.cpp",
           "if (track.timeline != run.timeline || !run.shared) return false;", "return false;",
           "a copy with WAL that the writer has lost goes on counting", "", 0},
    Mutant{"copy_ahead_of_its_writer", "lineage.cpp", "writer->asked() < look.answered ||",
           "true ||", "a copy that has more than its writer is believed", "", 0},
    Mutant{"lost_wal_vouches", "lineage.cpp",
           "return begin.last_look && !begin.lost_wal && begin.earliest",
           "return begin.last_look && begin.earliest",
           "a writer that has lost WAL vouches for copies", "histories", 200},
    Mutant{"lost_wal_forgiven", "lineage.cpp", "if (!begin.lost_wal && look.asked",
           "if (look.asked", "a copy seen before the writer lost WAL is assumed to have none of it",
           "histories", 200},
    Mutant{"unseen_is_assumed", "lineage.cpp",
           "if (const auto proof = at.proof(track)) return {.state = *proof, .why = {}};",
           "return {.state = at.proof(track).value_or(Lineage::assumed), .why = {}};",
           "a copy that nobody saw when the run began is counted", "histories", 200},
    Mutant{"rivals_feed_copies", "lineage.cpp", "fed_by_writer || !has_rival() ||", "true ||",
           "a copy of the other of two writers on one timeline is counted", "", 0},
    Mutant{"run_unknown_is_fine", "lineage.cpp", "if (!memory.run.known)", "if (false)",
           "a writer that does not tell its run is taken for the old one", "", 0},
    Mutant{"opened_is_promoted", "lineage.cpp", "if (begin.before->node != run.node) {",
           "if (false) {", "a standby that was opened without a promotion has copies at once", "",
           0},
    Mutant{"recovery_is_a_clean_stop", "writer_run.cpp", "return new_postmaster &&",
           "return new_postmaster ||", "the checkpoint of a recovery counts as shared", "", 0},
    Mutant{"position_may_go_back", "writer_run.cpp", "*facts.insert_lsn < before.inserted) {",
           "false) {", "a restored virtual machine is taken for the same run", "", 0},
    Mutant{"clock_over_lost_wal", "wal_source.cpp", "if (source.origin != origin || lost_wal)",
           "if (source.origin != origin)",
           "what a writer had written before it lost WAL goes on proving", "", 0},
    Mutant{"clock_one_pair_too_young", "wal_clock.cpp", "return std::prev(beyond)->t;",
           "return beyond == pairs_.end() ? std::prev(beyond)->t : beyond->t;",
           "T is the first instant that is not proven", "faults", 100},
    Mutant{"clock_of_another_writer", "wal_source.cpp",
           "source = change_source(std::move(source), origin, *writer);", "source.origin = origin;",
           "a new writer's WAL is measured by the old one's clock", "", 0},
    Mutant{"highest_epoch_forgotten", "writer_verdict.cpp", "record.highest = epochs.highest;", "",
           "a restarted sidecar believes the old writer", "failovers", 200},
    Mutant{"rivals_forgotten", "writer_verdict.cpp", "record.rivals = std::move(rivals);", "",
           "a rival that is out of sight is no rival", "", 0},
    Mutant{"rival_whose_way_refuses", "writer_verdict.cpp",
           "if (was && !is_outranked(known->second, verdict)) rivals.insert(*known);",
           "if (was && !readings[node].turned_away && !is_outranked(known->second, verdict)) "
           "rivals.insert(*known);",
           "a refused connection strikes a rival off", "timelines", 200},
    Mutant{"rival_out_of_sight", "epoch.cpp",
           "if (memory.rivals.contains(node)) candidates.push_back(node);", "",
           "a rival that is not seen stands in nobody's way", "timelines", 200},
    Mutant{"rival_outranked_by_anybody", "writer_verdict.cpp",
           "return shown && verdict.writer && *shown < *verdict.epoch;",
           "return (shown || true) && verdict.writer.has_value();",
           "any confirmed writer ends a split brain", "", 0},
    Mutant{
        "rival_while_the_authority_is_silent", "writer_verdict.cpp",
        "const bool may_be = state == NodeState::split_brain || state == NodeState::unconfirmed;",
        "const bool may_be = state == NodeState::split_brain;",
        "an authority that falls silent strikes rivals off", "", 0},
    Mutant{"rival_behind_a_foreign_server", "writer_verdict.cpp",
           "return readings[node].current && verdict.states[node] != NodeState::foreign;",
           "return readings[node].current;",
           "another cluster at a rival's address strikes the rival off", "", 0},
    Mutant{"foreign_server_speaks_for_a_rival", "epoch.cpp",
           "return current[node] != nullptr && !foreign(node);", "return current[node] != nullptr;",
           "another cluster at a rival's address hides the rival", "", 0},
    Mutant{"rival_forgotten_although_it_answers", "writer_verdict.cpp", "  if (heard)\n",
           "  if (heard && false)\n",
           "an operator strikes off a rival that is seen to accept writes", "", 0},
    Mutant{"refused_writer_acknowledges_nothing", "proof.cpp",
           "if (!writer || !source.sample) return std::nullopt;",
           "if (!(writer || source.origin) || !source.sample) return std::nullopt;",
           "a writer that cannot be asked is said to acknowledge nothing any more", "", 0},
    Mutant{"refused_and_still_current", "readings.cpp", "!reading.turned_away &&", "",
           "a stopped writer is missed as late as a silent one", "", 0},
    Mutant{"stale_facts", "readings.cpp", "limits::kStaleIntervals * probe.interval",
           "90 * probe.interval", "what a node said a minute ago tells what it is", "", 0},
    Mutant{"unstamped_promotion", "epoch.cpp",
           "if (stamped.writer_region == spec.nodes[node].region) return \"\";", "return \"\";",
           "whoever accepts writes alone is the writer", "failovers", 200},
    Mutant{"waiver_for_everybody", "writer_verdict.cpp",
           "const bool promoted = record.confirmed && *epochs.epoch > *record.confirmed;",
           "const bool promoted = true;", "a waiver without a promotion", "faults", 100},
    Mutant{"waiver_without_end", "waiver.cpp", "if (writer && (proven || expired)) waiver.reset();",
           "", "the waiver outlives the proof", "failovers", 200},
    Mutant{"reseeded_copy_keeps_its_commit", "bootstrap.cpp",
           "(!replayed || *copy.replay_lsn >= *replayed);", "true;",
           "a copy that was seeded anew goes on proving by what it had replayed before", "", 0},
    Mutant{"commit_of_another_writer", "bootstrap.cpp",
           "if (news && begin && replayed && *replayed >= *begin)", "if (news)",
           "another server's clock dates a commit of this writer's", "", 0},
    Mutant{"clock_that_was_set", "bootstrap.cpp", "(set_at_ && time < *set_at_)", "false",
           "a commit time from before the clock was set is taken at its word", "", 0},
    Mutant{"archive_over_its_holes", "archive.cpp", "return Frontier{Lsn{start->end * path",
           "return Frontier{Lsn{archived.back().end * path",
           "segments beyond a hole count as archived", "archive", 100},
    Mutant{"archive_without_its_ancestors", "archive.cpp",
           "return complete ? archived.begin() : archived.end();", "return archived.begin();",
           "nobody knows whether the archive holds what the timeline goes on from", "archive", 200},
    Mutant{"archive_look_outlives_itself", "archive_proof.cpp", "std::min(*until, *view.as_of)",
           "*until", "an old look goes on proving the present", "", 0},
    Mutant{"lease_from_now", "evaluate.cpp", ".kept_until = found.promise.kept_until,",
           ".kept_until = found.proof.recovery_point ? std::optional(now + found.spec.rpo) : "
           "found.promise.kept_until,",
           "the lease is renewed by looking", "faults", 100},
    Mutant{"lease_never_ends", "gate.cpp", "} else if (now >= deadline) {", "} else if (false) {",
           "a sidecar that hangs leaves the gate open", "faults", 100},
    Mutant{"behind_but_synchronous", "synchronous.cpp", "return proven && *proven >= least;",
           "return true;", "a copy far behind counts because it is called synchronous",
           "synchronous", 100},
    Mutant{"commit_level_ignored", "synchronous.cpp", "if (!waits_enough(spec, level)) {",
           "if (false) {", "commits that wait for nobody are called safe", "synchronous", 100},
    Mutant{"lowered_for_some_ignored", "synchronous.cpp",
           "if (const auto& weakest = writer.weakest_commit; weakest &&",
           "if (const auto& weakest = writer.weakest_commit; false &&",
           "a role whose commits wait for nobody is called safe", "", 0},
    Mutant{"stall_forgiven", "slo_account.cpp",
           "account.exceeded += std::clamp(stretch.to - *stretch.kept_until, Duration{0}, length);",
           "", "a stall of rpoguard counts as kept", "", 0},
};

}  // namespace rpoguard::test
