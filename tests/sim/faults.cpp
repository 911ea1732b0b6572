// What goes wrong in a world. Each fault has an end; a failover ends with everything rebuilt.
#include <algorithm>
#include <array>
#include <limits>

#include "tests/sim/world.hpp"

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Longer than any two looks of a sidecar that is not disturbed are apart.
constexpr Duration kSeenAfter = seconds(2);
/// Chance streams of faults begin here; those before belong to the world.
constexpr std::uint64_t kFaultStreams = 1000;

}  // namespace

// Faults come in groups with long quiet phases in between, and none in the last minute. A fault
// that is left out changes neither the time nor the kind of the others.
void World::schedule_faults() {
  const Duration pause = schedule_.one_in(3) ? schedule_.between(seconds(40), seconds(90))
                                             : schedule_.between(seconds(1), seconds(15));
  queue_.after(pause, [this] {
    if (ends_ - queue_.now() < seconds(60)) return;
    const std::size_t number = faults_drawn_++;
    chance_ = Random(seed_, kFaultStreams + number);
    if (!only_ || only_->contains(number)) {
      one_fault(number);
      stamp_once_more(number);
      waive_meanwhile(number);
    }
    schedule_faults();
  });
}

void World::one_fault(std::size_t number) {
  if (queue_.now() < alone_until_) return;
  const Duration left = ends_ - queue_.now() - seconds(50);
  const Duration length =
      std::min(left, chance_.one_in(5) ? chance_.between(seconds(30), seconds(100))
                                       : chance_.between(milliseconds(300), seconds(20)));
  const bool failover = chance_.one_in(4);
  if (profile_.failovers && !failing_over_ && !misnamed_ && left > seconds(200) && failover) {
    if (!restores_instead(number)) fail_over();
    return;
  }
  if (profile_.synchronous && chance_.one_in(5)) return synchronous_fault(length);
  if (profile_.archive && chance_.one_in(3)) return archive_fault(length);
  if (restarts_both(number, length) || other_history(number) || lose_archived(number) ||
      names_writer_twice(number, length))
    return;
  if (profile_.histories && !failing_over_ && chance_.one_in(3)) return history_fault(length);
  switch (chance_.below(9)) {
    case 0:
    case 1:
      return link_fault(length);
    case 2:
    case 3:
      return server_fault(length);
    case 4:
    case 5:
      return probe_fault(length);
    case 6:
    case 7:
      return sidecar_fault(length);
    default:
      return clock_fault();
  }
}

void World::during(Duration length, const std::string& what, const std::function<void()>& begin,
                   const std::function<void()>& end) {
  ++tally_.faults;
  ++faults_active_;
  quiet_since_.reset();
  const std::string name = queue_.traced() ? what : "";
  if (queue_.traced()) queue_.tell("FAULT " + name + " for " + core::render_duration(length));
  begin();
  queue_.after(length, [this, name, end] {
    if (queue_.traced()) queue_.tell("END OF " + name);
    end();
    if (--faults_active_ > 0) return;
    quiet_since_ = queue_.now();
    queue_.after(seconds(2), [this] { readmit_copies(4); });
  });
}

// An operator looks at the copies that rpoguard does not count for whose WAL they hold: it says
// good ones are good, and seeds the others anew first. A stamp that was lost is stamped again.
void World::readmit_copies(int times) {
  if (times == 0 || faults_active_ > 0 || sidecar_.view() == nullptr) return;
  queue_.after(seconds(3), [this, times] { readmit_copies(times - 1); });
  const Server& writer = cluster_.servers()[primary_];
  const std::int64_t highest = sidecar_.highest_shown().value;
  if (!sidecar_.view()->writer && !profile_.timeline_epochs)
    cluster_.stamp(primary_, writer.region, highest);
  // rpoguard says that only a new backup tells whose WAL the archive holds.
  if (profile_.archive && sidecar_.view()->writer && !sidecar_.view()->archive.frontier)
    archive_.take_backup(primary_);
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    if (node == primary_ || core::is_sound(sidecar_.lineage(node))) continue;
    if (!cluster_.follows(node, primary_)) cluster_.seed(node, primary_);
    if (marks_ && times > 2) continue;  // it may count again by itself
    sidecar_.readmit(node);
  }
}

std::size_t World::random_copy() {
  const std::size_t count = cluster_.servers().size();
  const std::size_t offset = 1 + chance_.below(count - 1);
  return (primary_ + offset) % count;
}

void World::set_region_cut(const std::string& region, bool cut) {
  for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
    const Server& server = cluster_.servers()[node];
    const bool inside = server.region == region;
    const bool from_outside =
        server.upstream && (cluster_.servers()[*server.upstream].region == region) != inside;
    // A server that was promoted meanwhile has no upstream, but gets its link back all the same.
    if (from_outside || (!cut && server.cut)) cluster_.cut(node, cut);
    if (inside) sidecar_.way(node).cut = cut;
  }
}

void World::link_fault(Duration length) {
  const std::size_t copy = random_copy();
  const std::string& name = cluster_.servers()[copy].name;
  switch (chance_.below(8)) {
    case 0:
      return during(
          length, "replication link cut " + name, [&] { cluster_.cut(copy, true); },
          [this, copy] { cluster_.cut(copy, false); });
    case 1:
      return during(
          length, "replication link cut and its row gone " + name,
          [&] {
            cluster_.cut(copy, true);
            cluster_.drop_row(copy);
          },
          [this, copy] { cluster_.cut(copy, false); });
    case 2: {
      const Duration extra = chance_.between(milliseconds(200), seconds(15));
      return during(
          length, "slow link " + name, [&] { cluster_.server(copy).extra = extra; },
          [this, copy] { cluster_.server(copy).extra = Duration{}; });
    }
    case 3:
      return during(
          length, "reports lost " + name, [&] { cluster_.server(copy).replies_lost = true; },
          [this, copy] {
            cluster_.server(copy).replies_lost = false;
            cluster_.end_connection(copy);
          });
    case 4:
      return stranger_fault(copy, length);
    case 5:
      return during(
          length, "WAL lost " + name, [&] { cluster_.server(copy).wal_lost = true; },
          [this, copy] {
            cluster_.server(copy).wal_lost = false;
            cluster_.end_connection(copy);
          });
    case 6:
      return during(
          milliseconds(100), "connection ended " + name, [&] { cluster_.end_connection(copy); },
          [] {});
    default:
      return during(
          length, "region phx cut off", [&] { set_region_cut("phx", true); },
          [this] { set_region_cut("phx", false); });
  }
}

// Another walsender under the copy's name: beside its own, or, while the copy is out of sight, in
// its place and with positions that one would like to believe.
void World::stranger_fault(std::size_t copy, Duration length) {
  const bool displaces = chance_.one_in(2);
  const bool silent = chance_.one_in(2);
  Row row{true, true, 0x7FFFFFFFFFFF, 0x7FFFFFFFFFFF, 77};
  if (displaces) row.flush = row.replay = cluster_.servers()[primary_].flushed + 1'000'000;
  during(
      length,
      std::string("stranger ") + (displaces ? "in the place of " : "under the name of ") +
          cluster_.servers()[copy].name,
      [&] {
        Server& server = cluster_.server(copy);
        server.stranger = row;
        server.displaced = displaces;
        if (silent) sidecar_.way(copy).cut = true;
      },
      [this, copy, silent] {
        Server& server = cluster_.server(copy);
        server.stranger.reset();
        server.displaced = false;
        if (silent) sidecar_.way(copy).cut = false;
      });
}

void World::server_fault(Duration length) {
  const std::size_t node = chance_.one_in(2) ? primary_ : random_copy();
  const std::string& name = cluster_.servers()[node].name;
  switch (chance_.below(5)) {
    case 0:
      return during(
          length, "hung " + name, [&] { cluster_.set_hung(node, true); },
          [this, node] { cluster_.set_hung(node, false); });
    case 1:
      return during(
          length, "crashed " + name, [&] { cluster_.crash(node); },
          [this, node] { cluster_.restart(node); });
    case 2:
      return during(
          milliseconds(100), "crashed and up again " + name, [&] { cluster_.crash(node); },
          [this, node] { cluster_.restart(node); });
    case 3: {
      const std::size_t copy = random_copy();
      return during(
          length, "replay paused " + cluster_.servers()[copy].name,
          [&] { cluster_.set_replay_paused(copy, true); },
          [this, copy] { cluster_.set_replay_paused(copy, false); });
    }
    default: {
      // Also while the sidecar cannot see it: a copy that is not there any more proves nothing.
      const std::size_t copy = random_copy();
      if (failing_over_ || !cluster_.servers()[copy].in_recovery || !cluster_.servers()[copy].up)
        return;
      const bool unseen = chance_.one_in(2);
      return during(
          length, "re-seeded " + cluster_.servers()[copy].name,
          [&] {
            cluster_.wipe(copy);
            sidecar_.way(copy).cut = unseen;
          },
          [this, copy] {
            sidecar_.way(copy).cut = false;
            if (!cluster_.servers()[copy].up) cluster_.seed(copy, primary_);
          });
    }
  }
}

void World::probe_fault(Duration length) {
  const std::size_t node = random_node();
  ProbeWay& way = sidecar_.way(node);
  const std::string& name = cluster_.servers()[node].name;
  switch (chance_.below(8)) {
    case 0:
      return during(
          length, "sidecar cut from " + name, [&] { way.cut = true; }, [&way] { way.cut = false; });
    case 5:
      return during(
          length, "way refuses " + name, [&] { way.forced = core::ProbeFailure::refused; },
          [&way] { way.forced.reset(); });
    case 1:
      return during(
          length, "answers lost from " + name, [&] { way.answers_lost = true; },
          [&way] { way.answers_lost = false; });
    case 2: {
      const int percent = static_cast<int>(5 + chance_.below(60));
      return during(
          length, "probe loss " + name, [&] { way.loss_percent = percent; },
          [&way] { way.loss_percent = 0; });
    }
    case 3:
      return during(
          length, "probe jitter " + name, [&] { way.extra_jitter = milliseconds(500); },
          [&way] { way.extra_jitter = Duration{}; });
    case 4: {
      const auto reason = static_cast<core::ProbeFailure>(chance_.below(core::kProbeFailureCount));
      return during(
          length, "probe fails " + name + " " + core::name_of(reason), [&] { way.forced = reason; },
          [&way] { way.forced.reset(); });
    }
    case 6:
      return misnamed_fault(length);
    default: {
      const auto hidden = static_cast<unsigned>(chance_.below(1U << kHideableFields));
      return during(
          length, "facts missing from " + name, [&] { way.hidden_fields = hidden; },
          [&way] { way.hidden_fields = 0; });
    }
  }
}

// A server that was restarted unseen cannot be told (docs/decisions/0010): each has been heard of.
bool World::all_are_heard() const {
  return quiet_since_ && queue_.now() - *quiet_since_ > kSeenAfter;
}

// A DNS record, a proxy or a slip of the pen: a copy's name leads to a server that has a name
// already. What is asked under that name says nothing of the copy, which often has nothing more.
void World::misnamed_fault(Duration length) {
  const std::size_t copy = random_copy();
  const std::size_t server = random_node();
  const bool cut_off = chance_.one_in(2);
  if (!all_are_heard() || failing_over_ || server == copy) return;
  const std::string what =
      cluster_.servers()[copy].name + " leads to " + cluster_.servers()[server].name;
  during(
      length, cut_off ? what + ", itself cut off" : what,
      [&] {
        misnamed_ = true;
        sidecar_.lead(copy, server);
        if (cut_off) cluster_.cut(copy, true);
      },
      [this, copy, cut_off] {
        misnamed_ = false;
        sidecar_.lead(copy, copy);
        if (cut_off) cluster_.cut(copy, false);
      });
}

void World::sidecar_fault(Duration length) {
  const std::size_t kind = chance_.below(7);
  if (kind == 6) return freeze_fault(length);
  if (kind < 2 && queue_.now() >= restart_allowed_)
    return during(
        seconds(1), "sidecar restarted", [this] { sidecar_.restart(); }, [] {});
  if (kind == 5)
    return during(
        length, "sidecar's clock set",
        [this] { sidecar_.set_wall_clock_ahead(chance_.between(-seconds(600), seconds(600))); },
        [] {});
  const bool suspended = kind == 4;
  during(
      length, suspended ? "sidecar suspended" : "sidecar stalled",
      [&] { sidecar_.stall(length, suspended); }, [] {});
}

// At any moment, whatever else is wrong; it lasts until somebody ends it.
void World::freeze_fault(Duration length) {
  if (frozen_) return;
  during(
      length, "frozen",
      [this] {
        const core::Freeze freeze{.by = "operator", .reason = "maintenance", .until = {}};
        frozen_ = sidecar_.set_freeze(freeze);
        if (frozen_) judge_freeze();
      },
      [this] { unfreeze(); });
}

// A process that stands still is told again.
void World::unfreeze() {
  if (!frozen_) return;
  frozen_ = false;
  if (sidecar_.set_freeze(std::nullopt)) return;
  frozen_ = true;
  queue_.after(seconds(1), [this] { unfreeze(); });
}

// A server's clock is set. Back only for a moment of grace: what was committed shortly before would
// look younger than it is to an rpoguard that starts now and cannot know (docs/recovery-point.md).
void World::clock_fault() {
  const std::size_t node = random_node();
  const Duration step = chance_.between(-seconds(600), seconds(600));
  if (step < Duration{0}) restart_allowed_ = queue_.now() + seconds(240);
  during(
      seconds(1),
      "clock of " + cluster_.servers()[node].name + " set by " + core::render_duration(step),
      [&] { cluster_.server(node).clock_ahead += step; }, [] {});
}

void World::archive_fault(Duration length) {
  const bool looks = sidecar_.spec().archive.source == core::ArchiveSource::directory;
  // Nobody but a look can see what the archiver dropped without a word.
  switch (chance_.below(looks ? 5 : 3)) {
    case 0:
      return archive_trouble(ArchiveTrouble::fails, "archive_command fails", length);
    case 1:
      return archive_trouble(ArchiveTrouble::hangs, "archive_command hangs", length);
    case 2:
      return archive_trouble(ArchiveTrouble::slow, "archive_command slow", length);
    case 3:
      return archive_trouble(ArchiveTrouble::drops, "archive_command drops segments", length);
    default:
      return during(
          length, "looks at the archive fail", [this] { sidecar_.looks_fail = true; },
          [this] { sidecar_.looks_fail = false; });
  }
}

void World::archive_trouble(ArchiveTrouble trouble, const std::string& what, Duration length) {
  during(
      length, what, [&] { archive_.set_trouble(trouble); },
      [this, trouble] {
        archive_.set_trouble(ArchiveTrouble::none);
        // What was dropped never comes back: only a new backup makes the archive whole again.
        if (trouble == ArchiveTrouble::drops) archive_.take_backup(primary_);
      });
}

void World::remember_flushed() {
  const Server& writer = cluster_.servers()[primary_];
  flushed_.push_back({queue_.now(), writer.timeline, writer.flushed});
  if (queue_.now() - flushed_.front().at > seconds(60)) flushed_.pop_front();
  queue_.after(milliseconds(250), [this] { remember_flushed(); });
}

// Some position of the last minute that is older than what one look at the writer and its copies
// may leave unseen: that much nobody can tell (docs/decisions/0009).
std::uint64_t World::flushed_long_ago() const {
  const auto& probe = sidecar_.probe();
  const Duration unseen = 3 * (probe.interval + probe.timeout) + seconds(1);
  std::vector<std::uint64_t> old;
  std::uint64_t seen = 0;  // by the looks before: what is lost must reach back beyond that
  for (const Flushed& each : flushed_) {
    if (queue_.now() - each.at > unseen && each.timeline == cluster_.servers()[primary_].timeline)
      old.push_back(seen = each.lsn);
  }
  std::erase_if(old, [&](std::uint64_t lsn) { return lsn >= seen; });
  return old.empty()
             ? std::numeric_limits<std::uint64_t>::max()
             : old[static_cast<std::size_t>(queue_.now().time_since_epoch().count()) % old.size()];
}

// What makes equal numbers of unequal things.
//
// A loss is alone, and is seen before the next restart: two runs that begin while rpoguard sees
// neither cannot be told from one (docs/decisions/0009).
void World::history_fault(Duration length) {
  const std::size_t node = primary_;
  const std::string& name = cluster_.servers()[node].name;
  switch (chance_.below(4)) {
    case 0:
      return during(
          milliseconds(100), "backends crashed on " + name, [&] { cluster_.crash_backends(node); },
          [] {});
    case 1:
      return during(
          length, "WAL disk hangs on " + name, [&] { cluster_.set_wal_hung(node, true); },
          [this, node] { cluster_.set_wal_hung(node, false); });
    default: {
      if (faults_active_ > 0) return;
      alone_until_ = queue_.now() + length + seconds(40);
      const Duration away =
          chance_.one_in(3) ? length : chance_.between(milliseconds(200), seconds(2));
      const std::size_t copy = random_copy();
      const bool copy_unseen = chance_.one_in(3);
      const bool sidecar_too = chance_.one_in(4);
      return during(
          std::min(away, length), "crashed, and lost WAL, " + name,
          [&] {
            if (copy_unseen) sidecar_.way(copy).cut = true;
            cluster_.crash(node);
            tally_.losses += cluster_.lose_wal(node, flushed_long_ago()) ? 1 : 0;
          },
          [this, node, copy, sidecar_too] {
            cluster_.restart(node);
            if (sidecar_too) sidecar_.restart();
            sidecar_.way(copy).cut = false;
          });
    }
  }
}

void World::synchronous_fault(Duration length) {
  // The sidecar may have looked just before and just after.
  if (length < kSeenAfter) unseen_change_ = queue_.now();
  const std::size_t node = primary_;
  Server& writer = cluster_.server(node);
  switch (chance_.below(3)) {
    case 0:
      return during(
          length, "synchronous_standby_names emptied",
          [&] { cluster_.set_standby_names(node, "", writer.commit_level); },
          [this] { require_synchronous_copy(); });
    case 1:
      return during(
          length, "synchronous_commit lowered",
          [&] { cluster_.set_standby_names(node, synchronous_target(), "local"); },
          [this] { require_synchronous_copy(); });
    default:
      return during(
          length, "synchronous_commit of a role lowered", [&] { writer.role_level = "off"; },
          [this, node] { cluster_.server(node).role_level.clear(); });
  }
}

}  // namespace rpoguard::sim
