// What must hold at every moment, judged by the truth that only the model knows. The gate is open
// only towards the writer of the highest epoch. T and the archive's frontier claim nothing that is
// not there. What was acknowledged and is lost spans no more than the RPO. The account adds up. And
// where nothing is wrong, the gate opens in time.
#include <algorithm>

#include "tests/sim/world.hpp"

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A client's way to the gate and a commit's way to its acknowledgement: what was let in before the
// lease ran out may be acknowledged this much later.
constexpr Duration kCommitLatencyMax = milliseconds(150);
// What a slow link had on its way (15 s), reconnecting receivers (5 s + 5 s), a settled exposure
// (5 s), and the stale window.
constexpr Duration kHealWithin = seconds(35);
// Three times the model's wal_writer_delay.
constexpr Duration kFlushedWithin = milliseconds(600);
// A switch of the WAL (8 s), the archiver, a look (5 s).
constexpr Duration kArchiveHealsWithin = seconds(50);

std::string time_text(Instant t) {
  return core::render_duration(t.time_since_epoch());
}

}  // namespace

void World::fail(const std::string& what) {
  if (failure_) return;
  failure_ = what;
  if (queue_.traced()) queue_.tell("BROKEN " + what);
}

// What an open gate promises: everything acknowledged this long ago is durable.
Duration World::promise() const {
  const auto& spec = sidecar_.spec();
  if (spec.rpo > Duration{0}) return spec.rpo;
  // A setting changed for a moment between two looks is found only by what is missing on the copy.
  const bool unseen = queue_.now() - unseen_change_ < 4 * spec.proof_ttl;
  return unseen ? 2 * spec.proof_ttl : spec.proof_ttl;
}

bool World::is_target(std::size_t node) const {
  const auto& spec = sidecar_.spec().nodes[node];
  return spec.durability_target && spec.region != sidecar_.view()->writer->region;
}

// Is everything that the named writer acknowledged before t on enough copies, at some moment since
// t? (A copy that is wiped later had it when it was proven, but not once it has shown itself
// wiped.)
bool World::protected_until(Instant t) const {
  const History& history = cluster_.history();
  const bool replay = sidecar_.spec().durability == core::Durability::replay;
  const std::uint32_t timeline = sidecar_.writer_branch();
  const std::uint64_t needed = history.needed(timeline, t);
  int copies = sidecar_.view()->archive.counted && archive_holds(needed) ? 1 : 0;
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    if (!is_target(node)) continue;
    const Server& server = cluster_.servers()[node];
    const auto holds = [&](Position at, std::uint64_t replayed) {
      if (replay) at.lsn = replayed;
      return history.covered(timeline, at) >= needed;
    };
    const bool now = holds(server.position(), server.replayed);
    const bool then = std::ranges::any_of(server.held_before, [&](const Server::Held& held) {
      return held.until >= std::max(t, sidecar_.last_heard(node)) &&
             holds(held.position, held.replayed);
    });
    if (now || then) ++copies;
  }
  return copies >= sidecar_.spec().copies;
}

// Restored from the repository alone, does the named writer's WAL go so far? What was listed
// without a hole is still there when an older one with a hole behind it turns up. And what a writer
// that has lost WAL overwrites was there when rpoguard last looked.
bool World::archive_holds(std::uint64_t lsn) const {
  const std::uint32_t timeline = sidecar_.writer_branch();
  if (sidecar_.spec().archive.source == core::ArchiveSource::postgres)
    return archive_.archived_by_own(timeline) >= lsn;
  const auto holds = [&](const Archive::Contents& contents) {
    return archive_.frontier(timeline, contents).value_or(0) >= lsn;
  };
  return holds(archive_.contents()) || holds(listed_.contents) || holds(listed_before_.contents);
}

// Before a view goes, and whenever a client asks: what it says now.
void World::judge_now() {
  const auto* view = sidecar_.view();
  if (view == nullptr) return;
  const auto decision = sidecar_.ask();
  if (decision.open == decision.reason.has_value()) fail("open with a reason, or closed without");
  if (view->gate.reasons.empty() != (view->gate.open_until > view->evaluated))
    fail("the lease and the reasons do not agree");
  judge_rivals();
  judge_yes(decision);
  if (!decision.open) {
    ++tally_.closed_seen;
    judge_quiet();
    return;
  }
  if (!view->writer) return fail("the gate is open and no writer is known");
  if (view->writer->epoch < sidecar_.highest_shown() && !profile_.timeline_epochs)
    fail("the gate is open towards epoch " + std::to_string(view->writer->epoch.value));
  if (decision.waived) {
    ++tally_.waived_seen;
    if (!view->waiver->by.empty()) {
      ++tally_.waived_by_order;
    } else if (!profile_.failovers || profile_.timeline_epochs) {
      fail("a waiver without a stamped promotion");
    }
  } else {
    ++tally_.open_checked;
    if (!protected_until(queue_.now() - promise()))
      fail("the gate is open and something acknowledged before " +
           time_text(queue_.now() - promise()) + " is not on enough copies");
    if (sidecar_.ask(true).open_for > decision.open_for) fail("low priority outlives the lease");
  }
  judge_quiet();
}

// Who was seen to accept writes beside another, and still does, keeps the gate closed for all
// others until a higher stamp outranks it: also while its way refuses, or nothing is heard of it.
void World::judge_rivals() {
  const bool open = sidecar_.ask().open;
  const auto writer = sidecar_.writer_index();
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    if (!sidecar_.shown_as_rival(node) || !cluster_.accepts_writes(node) || node == writer)
      continue;
    const auto shown = sidecar_.shown_epoch(node);
    const bool outranked =
        !profile_.timeline_epochs && shown && writer && *shown < sidecar_.view()->writer->epoch;
    if (outranked) continue;
    ++tally_.rivals_checked;
    if (open && writer)
      fail("the gate is open for " + cluster_.servers()[*writer].name + " and its rival " +
           cluster_.servers()[node].name + " accepts writes");
  }
}

// Clients keep a yes for as long as it says, and ask whenever they like.
void World::judge_yes(const core::GateDecision& decision) {
  if (!decision.open) return;
  if (frozen_) fail("the shard is frozen and the gate is open");
  yes_until_ = std::max(yes_until_, queue_.now() + decision.open_for);
}

// The shard has just been frozen: who still holds a yes holds it for max_lease at most.
void World::judge_freeze() {
  if (yes_until_ <= queue_.now()) return;
  ++tally_.freezes;
  const Duration held = yes_until_ - queue_.now();
  if (held > sidecar_.spec().gate.max_lease)
    fail("frozen, and a yes from before is good for another " + core::render_duration(held));
}

// Each new view.
void World::judge_view() {
  const auto& view = *sidecar_.view();
  ++tally_.evaluations;
  if (queue_.traced()) {
    queue_.trace("view writer " + (view.writer ? view.writer->node : "-") + " T " +
                 (view.recovery_point ? time_text(*view.recovery_point) : "-") + " gate " +
                 (view.gate.reasons.empty() ? "open until " + time_text(view.gate.open_until)
                                            : core::name_of(view.gate.reasons.front())) +
                 (view.gate.waived ? " (waived)" : ""));
  }
  if (view.recovery_point && view.writer) {
    ++tally_.proofs_checked;
    if (*view.recovery_point > queue_.now()) fail("T lies in the future");
    if (!protected_until(*view.recovery_point))
      fail("T claims " + time_text(*view.recovery_point) + " and that is not on enough copies");
  }
  if (view.writer && !profile_.timeline_epochs && view.writer->epoch < sidecar_.highest_shown())
    fail("a writer with epoch " + std::to_string(view.writer->epoch.value) + " is confirmed");
  judge_stamp();
  judge_takeover();
  judge_number();
  judge_waiver();
  judge_order();
  judge_losses();
  if (view.bootstrapped) ++tally_.bootstrapped;
  count_readmitted();
  judge_account();
  if (profile_.archive) judge_archive();
  if (also_judge) {
    if (const auto broken = also_judge(view)) fail(*broken);
  }
  judge_now();
}

// Each second is counted once, and what is known never says more than what is proven.
void World::judge_account() {
  const auto& view = *sidecar_.view();
  const auto& slo = view.slo;
  if (slo.exceeded + slo.unknown > slo.total) fail("more bad seconds than seconds");
  if (slo.total > queue_.now() - began_) fail("more seconds than there were");
  Duration in_buckets{};
  for (const Duration time : slo.exposure.time) in_buckets += time;
  if (in_buckets != slo.total) fail("the buckets hold another time than the account");
  const auto exposure = core::exposure_at(view, queue_.now());
  const auto known = core::exposure_known_at(view, queue_.now());
  const auto span = core::at_risk_span_at(view, queue_.now());
  if (exposure && known && *known > *exposure) fail("known to be missing for longer than exposed");
  if (exposure && span && *span > *exposure) fail("more at risk than exposed");
}

// T of the archive claims nothing that it does not hold, and its frontier is that of a listing.
void World::judge_archive() {
  const auto& view = *sidecar_.view();
  if (!view.writer) return;
  const auto& archive = view.archive;
  const std::uint32_t timeline = sidecar_.writer_branch();
  // What a run overwrites that rpoguard has not seen yet still has the name of what it was.
  const auto writer = sidecar_.writer_index();
  if (!writer || cluster_.servers()[*writer].timeline != timeline) return;
  if (archive.recovery_point) {
    ++tally_.archive_checked;
    if (!archive_holds(cluster_.history().needed(timeline, *archive.recovery_point)))
      fail("T of the archive claims " + time_text(*archive.recovery_point) +
           " and that is not archived");
  }
  const auto& look = sidecar_.last_look();
  const bool of_look = look && archive.frontier && archive.as_of == look->asked &&
                       look->asked <= listed_.at && listed_.at <= look->answered;
  if (!of_look) return;
  ++tally_.frontiers_checked;
  const auto listed = archive_.frontier(timeline, listed_.contents);
  if (archive.frontier->value != listed)
    fail("the frontier is " + core::render_lsn(*archive.frontier) + ", the listing's " +
         core::render_lsn(core::Lsn{listed.value_or(0)}));
}

// With the table as witness, only a writer stamped for its own region is confirmed.
void World::judge_stamp() {
  const auto writer = sidecar_.writer_index();
  if (!writer || profile_.timeline_epochs) return;
  const Server& server = cluster_.servers()[*writer];
  if (server.in_recovery || server.timeline != sidecar_.writer_branch()) return;
  const Stamp& stamp = cluster_.history().stamp_at({server.timeline, server.inserted});
  // A stamp that has just been changed is read with the next look.
  const auto& probe = sidecar_.probe();
  const bool seen = queue_.now() - stamp.when > 2 * probe.interval + probe.timeout;
  if (seen && stamp.region != server.region)
    fail(server.name + " is confirmed, and its stamp is for region " + stamp.region);
}

// Who was promoted and not stamped gets no writes while the server that was stamped takes some:
// also where the sidecar did not see either of them then.
void World::judge_takeover() {
  const auto writer = sidecar_.writer_index();
  if (!writer || profile_.timeline_epochs) return;
  const auto& servers = cluster_.servers();
  const Server& server = servers[*writer];
  if (server.in_recovery || server.timeline != sidecar_.writer_branch()) return;
  const Stamp& stamp = cluster_.history().stamp_at({server.timeline, server.inserted});
  if (stamp.end.timeline == server.timeline || !sidecar_.ask().open) return;
  for (std::size_t node = 0; node < servers.size(); ++node) {
    const bool stamped = servers[node].timeline == stamp.end.timeline &&
                         cluster_.history().stamp_at(servers[node].position()).end == stamp.end;
    if (node != *writer && stamped && cluster_.accepts_writes(node))
      fail("the gate is open for " + server.name + ", which was promoted and not stamped, and " +
           servers[node].name + " takes writes on that stamp");
  }
}

// Who holds an epoch means one stamp by it.
void World::judge_number() {
  const auto& writer = sidecar_.view()->writer;
  if (!writer || profile_.timeline_epochs) return;
  const Stamp* stamp = cluster_.history().stamp_of(sidecar_.writer_branch(), writer->epoch.value);
  if (stamp == nullptr)
    return fail("epoch " + std::to_string(writer->epoch.value) + " was never stamped there");
  if (repeats_a_number(*stamp))
    fail("epoch " + std::to_string(stamp->epoch) +
         " is confirmed on a second stamp of that number");
  confirmed_stamps_.emplace(stamp->epoch, stamp->end);
}

bool World::repeats_a_number(const Stamp& stamp) const {
  const auto first = confirmed_stamps_.find(stamp.epoch);
  return first != confirmed_stamps_.end() && first->second != stamp.end;
}

// Unless an operator says so, only a promotion may open the gate without proof: the writer is
// another node, or on another timeline.
void World::judge_waiver() {
  const auto& view = *sidecar_.view();
  const std::string why = view.waiver && view.waiver->by.empty() ? view.waiver->why : "";
  if (view.writer) {
    const bool granted = !why.empty() && why != waived_why_;
    if (granted && confirmed_ && confirmed_->node == view.writer->node &&
        confirmed_->timeline == view.writer->timeline)
      fail("a waiver for a writer that was stamped once more");
    confirmed_ = view.writer;
  }
  waived_why_ = why;
}

// A page for lost WAL is told once, and only where WAL was lost.
void World::judge_losses() {
  const std::uint64_t shown = sidecar_.view()->wal_losses.count;
  tally_.losses_told += shown >= losses_shown_ ? shown - losses_shown_ : shown;
  losses_shown_ = shown;
  if (tally_.losses_told > tally_.losses)
    fail("lost WAL is told " + std::to_string(tally_.losses_told) + " times, and was lost " +
         std::to_string(tally_.losses) + " times");
}

// Nothing is wrong and has not been for a while: the gate has to be open, and the exposure small.
void World::judge_quiet() {
  const Duration heal = profile_.archive ? kArchiveHealsWithin : kHealWithin;
  // A page was pruned right after the last commit: nobody knows that it was no commit.
  if (sidecar_.bound().value > cluster_.servers()[primary_].flushed) unflushed_ = queue_.now();
  if (failure_ || !quiet_since_ || queue_.now() - std::max(*quiet_since_, unflushed_) < heal)
    return;
  const auto& view = *sidecar_.view();
  const auto& probe = sidecar_.probe();
  ++tally_.quiet_checked;
  if (!sidecar_.ask().open)
    return fail("nothing is wrong since " + time_text(*quiet_since_) + " and the gate is closed: " +
                core::name_of(*sidecar_.ask().reason) + " " + view.gate.detail);
  // Two looks may each find a commit that has just ended; then what an asynchronous one needs to be
  // flushed, up to the next look, and the way there and back.
  const auto looks = (kFlushedWithin + probe.interval - Duration(1)) / probe.interval;
  const Duration limit = (2 + looks) * probe.interval + milliseconds(200);
  const auto exposure = core::exposure_at(view, queue_.now());
  if (!exposure || *exposure > limit)
    fail("nothing is wrong since " + time_text(*quiet_since_) + " and the exposure is " +
         (exposure ? core::render_duration(*exposure) : "unknown"));
  if (view.waiver) fail("nothing is wrong and a waiver is still there");
}

// The acceptance experiment: clients obeyed the gate, the region is gone, the best copy is
// promoted.
void World::judge_loss(std::size_t lost_writer, std::size_t promoted) {
  const History& history = cluster_.history();
  const Server& writer = cluster_.servers()[lost_writer];
  const auto span = history.lost_span(writer.timeline, cluster_.servers()[promoted].position());
  if (!span) return;
  ++tally_.lossy_promotions;
  tally_.longest_loss = std::max(tally_.longest_loss, *span);
  if (*span > promise() + kCommitLatencyMax)
    fail("the lost commits that the gate had let in span " + core::render_duration(*span));
}

}  // namespace rpoguard::sim
