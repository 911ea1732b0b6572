#include "exporter/core/judge/readings.hpp"

#include <variant>

#include "exporter/base/check.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::core {
namespace {

bool turns_away(const ProbeError& error) {
  return error.reason == ProbeFailure::refused || error.reason == ProbeFailure::not_accepting;
}

// Looks at one life of the server's backends.
bool one_life(const NodeFacts& before, const NodeFacts& after) {
  return before.session == after.session ||
         (before.started && before.backends_started && before.started == after.started &&
          before.backends_started == after.backends_started);
}

// Between two looks at one run of the server, something was committed, aborted or prepared.
bool transacted(const NodeFacts& before, const NodeFacts& after) {
  return one_life(before, after) && before.snapshot && after.snapshot &&
         before.snapshot != after.snapshot;
}

// A standby tells the timeline of what it receives. While it is not connected, it tells that of its
// control file, which follows minutes later. In one life it never goes back to an earlier timeline.
//
// Example. iad-b was promoted to timeline 2, and phx-a streams from it. iad-b is restarted: until
// phx-a is connected again, its control file says 1, and what it has received is timeline 2's.
void keep_timeline(const NodeFacts& before, NodeFacts& after) {
  const bool goes_on = before.in_recovery && after.in_recovery && one_life(before, after) &&
                       after.receive_lsn >= before.receive_lsn &&
                       after.replay_lsn >= before.replay_lsn;
  if (!goes_on || after.timeline >= before.timeline) return;
  after.timeline = before.timeline;
  after.history = before.history;
  after.history_problem = before.history_problem;
}

// Nobody can stamp while somebody else has the table of epochs locked, or has come before to lock
// it: what was read last stands.
//
// Example. At 1.0 epoch 4 is read. A dump has read the table, too, and VACUUM FULL waits for its
// end: at 2.0 the look finds transaction 5/77 before it, and at 3.0 again. A stamp would wait
// behind 5/77 as well, so the epoch is still 4. At 9.0 transaction 6/3 has the table locked: a
// stamp may have come in between, unless no transaction at all has ended since 3.0.
void keep_stamp(const NodeObservation& last, Instant asked, NodeFacts& after, Duration stale) {
  const NodeFacts& before = std::get<NodeFacts>(last.outcome);
  if (!after.epoch_lock || before.in_recovery || after.in_recovery || !one_life(before, after) ||
      before.timeline != after.timeline)
    return;
  const bool unchanged = before.snapshot && before.snapshot == after.snapshot;
  const bool locked_since = before.epoch_lock
                                ? before.epoch_lock->transaction == after.epoch_lock->transaction
                                : asked - last.asked <= stale;
  if (unchanged || locked_since) after.stamped = before.stamped;
}

void take_failure(Reading& reading, const ProbeError& error, Instant answered) {
  ++reading.failures.at(static_cast<std::size_t>(error.reason));
  if (!reading.failing_since) reading.failing_since = answered;
}

void take_success(Reading& reading, NodeObservation observation, Duration stale) {
  NodeFacts& facts = std::get<NodeFacts>(observation.outcome);
  if (reading.last_success) {
    keep_timeline(reading.facts(), facts);
    keep_stamp(*reading.last_success, observation.asked, facts, stale);
  }
  if (reading.last_success && transacted(reading.facts(), facts))
    reading.last_transaction = observation.answered;
  reading.last_success = observation;
  reading.failing_since.reset();
  if (facts.in_recovery) {
    reading.in_recovery_at = observation.asked;
    if (!facts.epoch_lock)
      reading.epoch_in_recovery =
          facts.stamped ? std::optional(facts.stamped->epoch) : std::nullopt;
    reading.accepting_since.reset();
    reading.last_transaction.reset();
  } else if (!reading.accepting_since) {
    reading.accepting_since = observation.answered;
  }
}

void take_observation(Reading& reading, const NodeObservation& observation, Duration stale) {
  const auto* error = std::get_if<ProbeError>(&observation.outcome);
  reading.turned_away = error != nullptr && turns_away(*error);
  if (reading.seen_asked == observation.asked) return;
  reading.seen_asked = observation.asked;
  if (error != nullptr) {
    take_failure(reading, *error, observation.answered);
  } else {
    take_success(reading, observation, stale);
    reading.answered = true;
  }
}

}  // namespace

const NodeFacts& Reading::facts() const {
  RPOGUARD_CHECK(last_success.has_value());
  return std::get<NodeFacts>(last_success->outcome);
}

Readings take_observations(Readings readings,
                           const std::vector<std::optional<NodeObservation>>& latest,
                           const ProbeSpec& probe, Instant now) {
  readings.resize(latest.size());
  const Duration stale = limits::kStaleIntervals * probe.interval + probe.timeout;
  for (std::size_t node = 0; node < latest.size(); ++node) {
    Reading& reading = readings[node];
    reading.answered = reading.turned_away = false;
    if (latest[node]) take_observation(reading, *latest[node], stale);
    reading.current =
        reading.last_success && !reading.turned_away && now - reading.last_success->asked <= stale;
  }
  return readings;
}

}  // namespace rpoguard::core
