#include "tests/sim/sidecar.hpp"

#include <algorithm>
#include <utility>

namespace rpoguard::sim {

using core::NodeFacts;
using core::ProbeError;
using core::ProbeFailure;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

void hide_field(NodeFacts& facts, unsigned field) {
  switch (field) {
    case 0:
      facts.insert_lsn.reset();
      break;
    case 1:
      facts.flushed_lsn.reset();
      break;
    case 2:
      facts.snapshot.reset();
      break;
    case 3:
      facts.receive_lsn.reset();
      break;
    case 4:
      facts.replay_lsn.reset();
      break;
    case 5:
      facts.replay_paused.reset();
      break;
    case 6:
      facts.streaming.reset();
      break;
    case 7:
      facts.stamped.reset();
      break;
    case 8:
      facts.archiver.reset();
      break;
    case 9:
      facts.started.reset();
      break;
    case 10:
      facts.last_replayed_commit.reset();
      break;
    case 11:
      facts.backends_started.reset();
      facts.mark.reset();
      break;
    case 12:
      facts.checkpoint.reset();
      break;
    default:
      facts.replication.clear();
      break;
  }
}

Sidecar::Sidecar(Queue& queue, Random& random, Cluster& cluster, core::ShardSpec spec,
                 core::ProbeSpec probe)
    : queue_(queue),
      random_(random),
      cluster_(cluster),
      spec_(std::make_shared<const core::ShardSpec>(std::move(spec))),
      probe_(probe),
      nodes_(spec_->nodes.size()) {
  for (std::size_t node = 0; node < nodes_.size(); ++node) nodes_[node].server = node;
  observations_.nodes.resize(nodes_.size());
  observations_.slow.resize(nodes_.size());
}

void Sidecar::start() {
  tick(run_);
  look_at_archive(looks_);
}

core::WallTime Sidecar::wall() const {
  return true_time(queue_.now()) + std::chrono::duration_cast<microseconds>(wall_ahead_);
}

core::GateDecision Sidecar::ask(bool low_priority) const {
  core::GateRequest request;
  request.low_priority = low_priority;
  return core::check_gate(*spec_, view(), request, queue_.now());
}

std::optional<std::size_t> Sidecar::writer_index() const {
  if (!view_ || !view_->writer) return std::nullopt;
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    if (spec_->nodes[node].name == view_->writer->node) return node;
  }
  return std::nullopt;
}

void Sidecar::lead(std::size_t node, std::size_t server) {
  nodes_[node].server = server;
  nodes_[node].connected = false;
}

void Sidecar::stall(Duration length, bool suspended) {
  if (queue_.now() < stalled_until_) return;
  stalled_until_ = queue_.now() + length;
  suspended_ = suspended;
  queue_.after(length, [this] {
    if (suspended_) return tick(++run_);
    // All deadlines have passed meanwhile; the answers that came in time for nobody are dropped.
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
      if (!nodes_[node].outstanding) continue;
      ++nodes_[node].attempt;
      nodes_[node].outstanding = nodes_[node].connected = false;
      deliver(node, ProbeError{ProbeFailure::timeout, ""});
    }
    tick(++run_);
  });
}

void Sidecar::restart() {
  core::ShardMemory fresh;
  fresh.durable = memory_.durable;
  memory_ = std::move(fresh);
  view_.reset();
  observations_.nodes.assign(nodes_.size(), std::nullopt);
  for (Node& node : nodes_) {
    ++node.attempt;
    node.outstanding = node.connected = false;
    node.accepting_since.reset();
  }
  observations_.archive.reset();
  tick(++run_);
  look_at_archive(++looks_);
}

bool Sidecar::set_freeze(const std::optional<core::Freeze>& freeze) {
  if (queue_.now() < stalled_until_) return false;
  memory_.durable.freeze = freeze;
  evaluate();
  return true;
}

bool Sidecar::set_waiver(const std::optional<core::Waiver>& waiver) {
  if (queue_.now() < stalled_until_) return false;
  memory_.durable.waiver = waiver;
  evaluate();
  return true;
}

void Sidecar::look_at_archive(std::uint64_t run) {
  if (run != looks_ || !list_archive) return;
  queue_.after(spec_->archive.interval, [this, run] { look_at_archive(run); });
  if (queue_.now() < stalled_until_) return;
  const Instant asked = queue_.now();
  queue_.after(random_.between(milliseconds(1), milliseconds(100)), [this, asked, run] {
    core::ArchiveObservation look{asked, {}, core::ArchiveFacts{}};
    if (looks_fail) {
      look.outcome = ProbeError{ProbeFailure::timeout, ""};
    } else {
      look.outcome = list_archive();
    }
    queue_.after(random_.between(milliseconds(1), milliseconds(100)), [this, look, run]() mutable {
      if (run != looks_ || queue_.now() < stalled_until_) return;
      look.answered = queue_.now();
      if (std::holds_alternative<core::ArchiveFacts>(look.outcome)) last_look_ = look;
      observations_.archive = std::move(look);
      evaluate();
    });
  });
}

// The writer first, the others shortly after, whether or not it has answered.
void Sidecar::tick(std::uint64_t run) {
  if (run != run_ || queue_.now() < stalled_until_) return;
  evaluate();
  queue_.after(view_->probe_interval, [this, run] { tick(run); });
  const auto writer = writer_index();
  if (writer) ask_node(*writer);
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    if (node == writer) continue;
    const Duration later = writer ? random_.between(milliseconds(1), milliseconds(20)) : Duration{};
    queue_.after(later, [this, node, run] {
      if (run == run_ && queue_.now() >= stalled_until_) ask_node(node);
    });
  }
}

Duration Sidecar::one_way(std::size_t node) {
  const ProbeWay& way = nodes_[node].way;
  return way.delay + random_.between(Duration{}, way.jitter + way.extra_jitter);
}

void Sidecar::ask_node(std::size_t index) {
  Node& node = nodes_[index];
  if (node.outstanding) return;
  node.outstanding = true;
  node.asked = queue_.now();
  const std::uint64_t attempt = ++node.attempt;
  // A new connection costs a round trip before the statement.
  const Duration travel =
      one_way(index) + (node.connected ? Duration{} : one_way(index) + one_way(index));
  queue_.after(travel, [this, index, attempt] { reach(index, attempt); });
  queue_.after(probe_.timeout, [this, index, attempt] {
    answer(index, attempt, std::nullopt,
           nodes_[index].connected ? ProbeFailure::timeout : ProbeFailure::unreachable);
  });
}

// The statement is at the server, if the network lets it through.
void Sidecar::reach(std::size_t index, std::uint64_t attempt) {
  Node& node = nodes_[index];
  if (attempt != node.attempt) return;
  const Server& server = cluster_.server(node.server);
  const bool lost = static_cast<int>(random_.below(100)) < node.way.loss_percent;
  if (node.way.cut || lost || server.hung) return;
  std::optional<NodeFacts> facts;
  auto failure = ProbeFailure::refused;
  if (node.way.forced) {
    failure = *node.way.forced;
  } else if (node.connected && server.restarts != node.restarts) {
    failure = ProbeFailure::connection_lost;
  } else if (server.up) {
    if (!node.connected) {
      node.session = next_session_++;
      node.restarts = server.restarts;
      node.connected = true;
    }
    facts = facts_of(index);
    node.branch_asked = server.timeline;
  }
  if (node.way.answers_lost) return;
  queue_.after(one_way(index), [this, index, attempt, facts = std::move(facts), failure]() mutable {
    answer(index, attempt, std::move(facts), failure);
  });
}

void Sidecar::answer(std::size_t index, std::uint64_t attempt, std::optional<NodeFacts> facts,
                     ProbeFailure failure) {
  Node& node = nodes_[index];
  if (attempt != node.attempt || !node.outstanding) return;
  if (queue_.now() < stalled_until_) {
    if (!suspended_) return;
    return queue_.after(stalled_until_ - queue_.now() + milliseconds(1),
                        [this, index, attempt, facts = std::move(facts), failure]() mutable {
                          answer(index, attempt, std::move(facts), failure);
                        });
  }
  node.outstanding = false;
  ++node.attempt;
  if (facts) {
    node.branch = node.branch_asked;
    const bool unmarked = is_to_be_marked(index, *facts);
    deliver(index, std::move(*facts));
    if (unmarked) mark_run(index);
  } else {
    node.connected = false;
    deliver(index, ProbeError{failure, ""});
  }
}

// As NodeProbe has it.
bool Sidecar::is_to_be_marked(std::size_t index, const NodeFacts& facts) const {
  if (!marks_ || index != writer_index() || facts.in_recovery) return false;
  const auto run = core::run_of(facts);
  return run && view_->run == run && !(facts.mark && facts.mark->run == *run);
}

// On the session of the look; now and then that fails.
void Sidecar::mark_run(std::size_t index) {
  const Node& node = nodes_[index];
  if (node.way.cut || random_.one_in(5)) return;
  queue_.after(one_way(index), [this, at = node.server, restarts = node.restarts] {
    if (cluster_.server(at).restarts == restarts) cluster_.mark_run(at);
  });
}

void Sidecar::deliver(std::size_t index, std::variant<core::NodeFacts, core::ProbeError> outcome) {
  if (queue_.traced()) {
    const auto* facts = std::get_if<NodeFacts>(&outcome);
    const auto lsn = [](const std::optional<core::Lsn>& at) {
      return at ? core::render_lsn(*at) : std::string("-");
    };
    queue_.trace("answer " + spec_->nodes[index].name + ": " +
                 (facts == nullptr
                      ? core::name_of(std::get<ProbeError>(outcome).reason)
                      : "asked " + core::render_duration(nodes_[index].asked.time_since_epoch()) +
                            " tl " + std::to_string(facts->timeline.value) + " session " +
                            std::to_string(facts->session) + " insert " + lsn(facts->insert_lsn) +
                            " flush " + lsn(facts->flushed_lsn) + " snapshot " +
                            facts->snapshot.value_or("-") + " receive " + lsn(facts->receive_lsn) +
                            " replay " + lsn(facts->replay_lsn)));
  }
  observations_.nodes[index] =
      core::NodeObservation{nodes_[index].asked, queue_.now(), std::move(outcome)};
  evaluate();
  note_rivals(index);
}

// It was asked after the other was heard to accept writes, and that is recent.
bool Sidecar::accepts_beside(const Node& node, const Node& other) const {
  const bool recent = !other.turned_away && queue_.now() - other.heard <= 2 * probe_.interval;
  const bool of_one_epoch = spec_->epoch_source == core::EpochSource::timeline ||
                            (node.epoch == highest_shown_ && other.epoch == highest_shown_);
  return other.accepting_since && node.asked >= *other.accepting_since && recent && of_one_epoch;
}

void Sidecar::note_rivals(std::size_t index) {
  Node& node = nodes_[index];
  const auto& outcome = observations_.nodes[index]->outcome;
  const auto* facts = std::get_if<NodeFacts>(&outcome);
  if (facts == nullptr) {
    const ProbeFailure reason = std::get<ProbeError>(outcome).reason;
    node.turned_away = reason == ProbeFailure::refused || reason == ProbeFailure::not_accepting;
    return;
  }
  node.turned_away = false;
  if (!facts->in_recovery) {
    if (!node.accepting_since) node.accepting_since = queue_.now();
    for (const Node& other : nodes_) {
      if (&other != &node && accepts_beside(node, other)) node.rival = true;
    }
    return;
  }
  node.accepting_since.reset();
  node.rival = false;
  // Who is left alone is no rival of anybody.
  if (std::ranges::count(nodes_, true, &Node::rival) > 1) return;
  for (Node& other : nodes_) other.rival = false;
}

void Sidecar::evaluate() {
  if (before_change) before_change();
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    const auto& observation = observations_.nodes[node];
    const auto* facts = observation ? std::get_if<NodeFacts>(&observation->outcome) : nullptr;
    if (facts == nullptr) continue;
    nodes_[node].heard = observation->asked;
    if (!facts->in_recovery)
      nodes_[node].epoch = facts->stamped ? std::optional(facts->stamped->epoch) : std::nullopt;
    if (facts->stamped) highest_shown_ = std::max(highest_shown_, facts->stamped->epoch);
  }
  auto result =
      core::evaluate(spec_, std::move(memory_), observations_, probe_, queue_.now(), wall());
  memory_ = std::move(result.memory);
  view_ = std::move(result.view);
  if (const auto writer = writer_index()) writer_branch_ = nodes_[*writer].branch;
  if (after_change) after_change();
}

NodeFacts Sidecar::facts_of(std::size_t index) const {
  const std::size_t at = nodes_[index].server;
  const Server& server = cluster_.servers()[at];
  NodeFacts facts;
  facts.session = nodes_[index].session;
  facts.server_version = 150'018;
  facts.system_identifier = 7'000'000'000'000'000'001;
  facts.in_recovery = server.in_recovery;
  // A standby that is not connected tells what its control file says.
  const std::uint32_t told =
      server.in_recovery && !server.connected ? server.control_timeline : server.timeline;
  facts.timeline = core::Timeline{cluster_.history().shown(told)};
  facts.server_now = cluster_.clock(at);
  facts.started = server.started;
  facts.backends_started = server.backends_started;
  const auto [checkpoint, redo] = cluster_.checkpoint(at);
  facts.checkpoint = {core::Lsn{checkpoint}, core::Lsn{redo}, server.backends_started + seconds(1)};
  if (tells_histories_) facts.history = cluster_.history().steps(told);
  facts.wal_segment_bytes = kSegmentBytes;
  if (!server.standby_names.empty())
    facts.synchronous_standby_names = '"' + server.standby_names + '"';
  facts.synchronous_commit = server.commit_level;
  if (!server.in_recovery && !server.role_level.empty())
    facts.weakest_commit = core::CommitLevel{"role batch", server.role_level};
  add_positions(at, facts);
  if (marks_ && view_ && view_->run) facts.mark = cluster_.mark_on(at);
  const Stamp& stamp = cluster_.history().stamp_at(
      {server.timeline, server.in_recovery ? server.replayed : server.inserted});
  facts.stamped =
      core::StampedEpoch{.epoch = core::Epoch{stamp.epoch},
                         .writer_region = stamp.region,
                         .promoted_by = "operator",
                         .promoted_at = std::nullopt,
                         .timeline = core::Timeline{cluster_.history().shown(stamp.end.timeline)}};
  // Either shows whether a number was used before, so each must do so alone.
  if (!tells_histories_ || tells_stamp_times_) facts.stamped->promoted_at = true_time(stamp.when);
  for (unsigned field = 0; field < kHideableFields; ++field) {
    if ((nodes_[index].way.hidden_fields >> field & 1U) != 0) hide_field(facts, field);
  }
  return facts;
}

void Sidecar::add_positions(std::size_t at, NodeFacts& facts) const {
  const Server& server = cluster_.servers()[at];
  if (server.in_recovery) {
    if (server.connected) facts.announced_name = server.name;
    if (server.receiver_ran) facts.receive_lsn = core::Lsn{server.flushed};
    facts.replay_lsn = core::Lsn{server.replayed};
    facts.replay_paused = server.replay_paused;
    facts.streaming = server.connected;
    facts.last_replayed_commit =
        cluster_.history().last_record({server.timeline, server.replayed}, server.replayed_from);
    if (server.apply_delay != Duration{0}) facts.apply_delay = server.apply_delay;
  } else {
    facts.insert_lsn = core::Lsn{server.inserted};
    facts.flushed_lsn = core::Lsn{server.flushed};
    facts.snapshot = std::to_string(server.ended);
    add_rows(at, facts);
    if (ask_archiver) facts.archiver = ask_archiver(at);
  }
}

void Sidecar::add_rows(std::size_t writer, NodeFacts& facts) const {
  const auto add = [&](const Server& standby, const Row& row) {
    const bool named = cluster_.servers()[writer].standby_names == standby.name;
    facts.replication.push_back({standby.name, row.streaming ? "streaming" : "catchup",
                                 named && row.streaming ? "sync" : "async", core::Lsn{row.flush},
                                 core::Lsn{row.replay}, row.pid});
  };
  for (const Server& standby : cluster_.servers()) {
    if (standby.upstream != writer) continue;
    if (standby.row.present && !standby.displaced) add(standby, standby.row);
    if (standby.stranger) add(standby, *standby.stranger);
  }
}

}  // namespace rpoguard::sim
