#include "exporter/core/judge/servers.hpp"

#include <algorithm>

#include "exporter/base/check.hpp"

namespace rpoguard::core {
namespace {

using Verdict = NamePair::Verdict;

NamePairKey key_of(const NodeSpec& a, const NodeSpec& b) {
  return std::minmax(std::string_view(a.name), std::string_view(b.name));
}

Sighting sighting_of(const NodeFacts& facts, Instant answered) {
  return {.system_identifier = facts.system_identifier,
          .started = facts.started,
          .since = answered,
          .session = facts.session,
          .session_since = answered,
          .announced_name = facts.announced_name};
}

void take_look(std::optional<Sighting>& known, const Reading& reading) {
  if (!reading.answered) return;
  Sighting seen = sighting_of(reading.facts(), reading.last_success->answered);
  if (known && known->session == seen.session) seen.session_since = known->session_since;
  if (known && known->system_identifier == seen.system_identifier &&
      known->started == seen.started) {
    seen.since = known->since;
    if (!seen.announced_name) seen.announced_name = std::move(known->announced_name);
  }
  known = std::move(seen);
}

/// One name's last answer, and the server it showed.
struct Named {
  const Sighting& server;
  const Reading& reading;

  const NodeFacts& facts() const { return reading.facts(); }
  Instant asked() const { return reading.last_success->asked; }
  Instant answered() const { return reading.last_success->answered; }
};

// How far a server's WAL goes, by numbers that only rise in one life of its backends. The receive
// position is none of them: a receiver that starts on another timeline begins at its segment.
std::optional<Lsn> reached(const NodeFacts& facts) {
  return facts.in_recovery ? facts.replay_lsn : facts.insert_lsn;
}

// Can one server in one life of its backends not show `later` after it has shown `earlier`? It
// leaves recovery once, keeps its timeline from then on, and its WAL only grows.
bool cannot_follow(const NodeFacts& earlier, const NodeFacts& later) {
  if (later.in_recovery && !earlier.in_recovery) return true;
  if (!later.in_recovery && !earlier.in_recovery && later.timeline != earlier.timeline) return true;
  const auto was = reached(earlier);
  const auto is = reached(later);
  return was && is && *is < *was;
}

// After a crash of one backend, all others end, and recovery begins anew under the same postmaster
// start: positions fall then. A session that was there before the earlier look and is there at the
// later one has outlived no such crash.
bool contradict(const Named& earlier, const Named& later) {
  return later.asked() >= earlier.answered() && later.server.session_since <= earlier.asked() &&
         cannot_follow(earlier.facts(), later.facts());
}

// Two starts of one server do not alternate: all looks that showed the one come before all that
// showed the other. Not so here?
//
// Example. a showed start 1 at t=0 and t=1, b showed start 2 at t=0.1. One server would have been
// restarted before 0.1, and would have gone back to its earlier start before 1: these are two. Had
// a not answered at t=1, it might be one that was restarted between 0 and 0.1.
bool starts_alternate(const Named& a, const Named& b) {
  return a.asked() >= b.server.since && b.asked() >= a.server.since;
}

// Nothing is known of the two but these looks. By the clock of one server, its later start comes
// after whatever it answered before.
bool later_start_was_before(const Named& a, const Named& b) {
  const bool a_is_later = *a.server.started > *b.server.started;
  const WallTime start = a_is_later ? *a.server.started : *b.server.started;
  const WallTime other_answered = (a_is_later ? b : a).facts().server_now;
  return start <= other_answered;
}

Verdict judge_starts(Verdict before, const Named& a, const Named& b) {
  // Who does not say when it was started may be anybody.
  const bool told = a.server.started && b.server.started;
  if (!told) return before == Verdict::one ? before : Verdict::doubtful;
  if (a.server.started == b.server.started) return Verdict::one;
  if (starts_alternate(a, b)) return Verdict::two;
  // One has been restarted: which two they were, they still are.
  if (before != Verdict::doubtful) return before;
  // A name that is silent will not resolve the doubt: it must not keep a new copy from counting.
  const bool both_heard = a.reading.current && b.reading.current;
  return later_start_was_before(a, b) || !both_heard ? Verdict::two : Verdict::doubtful;
}

/// `before`: absent where the two have just met.
NamePair judge_pair(const NamePair* before, const Named& a, const Named& b) {
  NamePair pair;
  const std::pair<std::uint64_t, std::uint64_t> sessions =
      std::minmax(a.server.session, b.server.session);
  const bool known = before != nullptr && before->told_apart == sessions;
  if (known || contradict(a, b) || contradict(b, a)) {
    pair.told_apart = sessions;
  } else {
    pair.verdict = judge_starts(before != nullptr ? before->verdict : Verdict::doubtful, a, b);
  }
  return pair;
}

}  // namespace

bool Servers::are_one(const NodeSpec& a, const NodeSpec& b) const {
  if (a.name == b.name) return true;
  const auto pair = pairs.find(key_of(a, b));
  return pair != pairs.end() && pair->second.verdict != Verdict::two;
}

bool Servers::surely_one(const NodeSpec& a, const NodeSpec& b) const {
  const auto pair = pairs.find(key_of(a, b));
  return pair != pairs.end() && pair->second.verdict == Verdict::one;
}

bool Servers::goes_by_name_of(const ShardSpec& spec, std::size_t node, std::size_t silent) const {
  RPOGUARD_CHECK(sightings.size() == spec.nodes.size());
  if (node == silent || sightings[silent] || !sightings[node]) return false;
  const NodeSpec& other = spec.nodes[silent];
  const std::string& name = other.application_name.empty() ? other.name : other.application_name;
  return sightings[node]->announced_name == name;
}

Servers tell_servers_apart(Servers before, const ShardSpec& spec, const Readings& readings) {
  RPOGUARD_CHECK(readings.size() == spec.nodes.size());
  Servers servers;
  servers.sightings = std::move(before.sightings);
  servers.sightings.resize(readings.size());
  for (std::size_t b = 0; b < readings.size(); ++b) {
    take_look(servers.sightings[b], readings[b]);
    if (!servers.sightings[b]) continue;
    for (std::size_t a = 0; a < b; ++a) {
      const auto& other = servers.sightings[a];
      if (!other || other->system_identifier != servers.sightings[b]->system_identifier) continue;
      const Named one{*other, readings[a]};
      const Named two{*servers.sightings[b], readings[b]};
      const NamePairKey key = key_of(spec.nodes[a], spec.nodes[b]);
      const auto known = before.pairs.find(key);
      if (known == before.pairs.end()) {
        servers.pairs.emplace(key, judge_pair(nullptr, one, two));
      } else {
        known->second = judge_pair(&known->second, one, two);
        servers.pairs.insert(before.pairs.extract(known));
      }
    }
  }
  return servers;
}

}  // namespace rpoguard::core
