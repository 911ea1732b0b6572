#include "exporter/serve/ops/view_json.hpp"

#include <nlohmann/json.hpp>

#include "exporter/core/judge/gate.hpp"
#include "exporter/core/tell/summary.hpp"
#include "exporter/serve/gate/gate_answer.hpp"
#include "exporter/serve/moment.hpp"

namespace rpoguard::serve {
namespace {

using core::Duration;
using core::Instant;
using core::NodeView;
using core::render_time;
using core::ShardSpec;
using core::ShardView;
using Json = nlohmann::ordered_json;

// Unknown is null.
template <typename T, typename Render>
Json maybe(const std::optional<T>& value, Render render) {
  return value ? Json(render(*value)) : Json();
}
template <typename T>
Json maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json seconds_or_null(const std::optional<Duration>& duration) {
  return maybe(duration, core::to_seconds);
}

Json age_or_null(const std::optional<Instant>& since, const Moment& at) {
  return seconds_or_null(at.age(since));
}

Json date_or_null(const std::optional<Instant>& instant, const Moment& at) {
  return maybe(at.date(instant), render_time);
}

Json lsn_or_null(const std::optional<core::Lsn>& lsn) {
  return maybe(lsn, core::render_lsn);
}

Json writer_json(const std::optional<core::WriterView>& writer) {
  return maybe(writer, [](const core::WriterView& known) {
    return Json{{"node", known.node},
                {"writer_region", known.region},
                {"epoch", known.epoch.value},
                {"timeline", known.timeline.value}};
  });
}

Json failure_json(const std::optional<core::ProbeError>& failure) {
  return maybe(failure, [](const core::ProbeError& known) {
    return Json{{"reason", name_of(known.reason)}, {"message", known.message}};
  });
}

Json node_json(const NodeView& node, const Moment& at) {
  return Json{{"name", node.name},
              {"region", node.region},
              {"state", name_of(node.state)},
              {"up", node.up},
              {"failure", failure_json(node.failure)},
              {"epoch", maybe(node.epoch, [](core::Epoch epoch) { return epoch.value; })},
              {"timeline", maybe(node.timeline, [](core::Timeline known) { return known.value; })},
              {"lag_seconds", Json{{"flush", age_or_null(node.recovery_point_flush, at)},
                                   {"replay", age_or_null(node.recovery_point_replay, at)}}},
              {"lag_bytes", Json{{"flush", maybe(node.lag_bytes_flush)},
                                 {"replay", maybe(node.lag_bytes_replay)}}},
              {"streaming", maybe(node.streaming)},
              {"synchronous", maybe(node.synchronous)},
              {"counted", node.counted},
              {"lineage", maybe(node.lineage, [](core::Lineage known) { return name_of(known); })},
              {"lineage_note", node.lineage_note},
              {"same_server_as", node.same_server_as.empty() ? Json() : Json(node.same_server_as)},
              {"diverged_bytes", maybe(node.diverged_bytes)},
              {"note", node.note}};
}

Json slots_json(const core::SlowFacts& slow) {
  Json slots = Json::array();
  for (const core::SlotFacts& slot : slow.slots) {
    slots.push_back(Json{{"name", slot.name},
                         {"logical", slot.logical},
                         {"active", slot.active},
                         {"lag_bytes", maybe(slot.lag_bytes)},
                         {"safe_wal_bytes", maybe(slot.safe_wal_bytes)},
                         {"lost", maybe(slot.lost)}});
  }
  return slots;
}

Json connections_json(const core::SlowFacts& slow) {
  Json by_state = Json::object();
  for (const auto& [state, count] : slow.connections) by_state[state] = count;
  return by_state;
}

void add_node_details(Json& json, const NodeView& node, const Moment& at) {
  json["server_version"] = maybe(node.server_version);
  json["in_recovery"] = maybe(node.in_recovery);
  json["wal_position"] = lsn_or_null(node.wal_position);
  json["replay_position"] = lsn_or_null(node.replay_lsn);
  json["replay_paused"] = maybe(node.replay_paused);
  json["apply_delay_seconds"] = seconds_or_null(node.apply_delay);
  json["fork_point"] = lsn_or_null(node.fork_point);
  json["last_transaction_seen"] = date_or_null(node.last_transaction_seen, at);
  json["evidence_disagreement_bytes"] = maybe(node.evidence_disagreement_bytes);
  json["last_answer"] = date_or_null(node.last_answer, at);
  json["probe_duration_seconds"] = seconds_or_null(node.probe_duration);
  Json failures = Json::object();
  for (std::size_t i = 0; i < node.probe_failures.size(); ++i) {
    failures[name_of(static_cast<core::ProbeFailure>(i))] = node.probe_failures.at(i);
  }
  json["probe_failures"] = std::move(failures);
  json["connections"] = maybe(node.slow, connections_json);
  json["connections_limit"] = node.slow ? maybe(node.slow->connections_limit) : Json();
  json["slots"] = maybe(node.slow, slots_json);
}

Json gate_json(const ShardSpec& spec, const ShardView* shard, const Moment& at) {
  const core::GateDecision decision = core::check_gate(spec, shard, {}, at.now);
  return Json{
      {"open", decision.open},
      {"reason", maybe(decision.reason, [](core::Reason reason) { return name_of(reason); })},
      {"detail", core::detail_of(shard, decision)},
      {"open_for_ms", decision.open ? whole_ms(decision.open_for) : 0},
      {"waived", decision.waived},
      {"mode", name_of(spec.gate.mode)}};
}

Json archive_json(const ShardSpec& spec, const core::ArchiveView& archive, const Moment& at) {
  return Json{{"enabled", archive.enabled},
              {"source", name_of(spec.archive.source)},
              {"counted", archive.counted},
              {"age_seconds", age_or_null(archive.recovery_point, at)},
              {"frontier", lsn_or_null(archive.frontier)},
              {"frontier_bytes", maybe(archive.frontier, [](core::Lsn lsn) { return lsn.value; })},
              {"as_of", date_or_null(archive.as_of, at)},
              {"lag_bytes", maybe(archive.lag_bytes)},
              {"gap_segments", maybe(archive.gap_segments)},
              {"claimed_ahead_bytes", maybe(archive.claimed_ahead_bytes)},
              {"ready_segments", maybe(archive.ready_segments)},
              {"failures", maybe(archive.failed_count)},
              {"last_archived_wal",
               archive.last_archived_wal.empty() ? Json() : Json(archive.last_archived_wal)},
              {"last_backup", maybe(archive.last_backup, render_time)},
              {"backup_gone", maybe(archive.backup_gone)},
              {"failure", failure_json(archive.failure)},
              {"note", archive.note}};
}

Json loss_json(const core::WalLoss& loss, const Moment& at) {
  return Json{{"node", loss.node},
              {"flushed", core::render_lsn(loss.flushed)},
              {"goes_on_from", core::render_lsn(loss.goes_on_from)},
              {"seen", render_time(at.date(loss.seen))}};
}

Json losses_json(const core::WalLosses& losses, const Moment& at) {
  const auto render = [&](const core::WalLoss& loss) { return loss_json(loss, at); };
  return Json{{"count", losses.count}, {"last", maybe(losses.last, render)}};
}

// Null: none is configured. One that has not been heard of knows nothing.
Json witness_json(const std::optional<core::WitnessSpec>& spec,
                  const std::optional<core::WitnessView>& view, const Moment& at) {
  if (!spec) return {};
  const core::WitnessView known = view.value_or(core::WitnessView{});
  return Json{{"number", maybe(known.number)},
              {"writer", known.writer.empty() ? Json() : Json(known.writer)},
              {"as_of", date_or_null(known.as_of, at)},
              {"failure", failure_json(known.failure)}};
}

Json endpoint_json(const std::optional<core::EndpointSpec>& spec,
                   const std::optional<core::EndpointView>& view, const Moment& at) {
  if (!spec) return {};
  const core::EndpointView known = view.value_or(core::EndpointView{});
  return Json{{"on_writer", maybe(known.on_writer)},
              {"commit_seconds", seconds_or_null(known.commit_took)},
              {"last_good", date_or_null(known.last_good, at)},
              {"failure", failure_json(known.failure)},
              {"note", known.note}};
}

// Null: not promised. Without a confirmed writer nobody knows whether it is required.
Json synchronous_json(const ShardView& shard) {
  if (!shard.synchronous.promised) return {};
  return Json{{"downgraded", maybe(downgraded(shard))}, {"problem", shard.synchronous.problem}};
}

Json waiver_json(const std::optional<core::WaiverView>& waiver, const Moment& at) {
  return maybe(waiver, [&](const core::WaiverView& known) {
    return Json{{"until", render_time(at.date(known.until))},
                {"why", known.why},
                {"by", known.by.empty() ? Json() : Json(known.by)}};
  });
}

Json freeze_json(const std::optional<core::Freeze>& freeze) {
  return maybe(freeze, [](const core::Freeze& known) {
    return Json{{"by", known.by},
                {"reason", known.reason},
                {"since", render_time(known.since)},
                {"until", known.until ? Json(render_time(*known.until)) : Json()}};
  });
}

// A shard that has not been evaluated yet shows its nodes all the same, with nothing known.
std::vector<NodeView> nodes_of(const ShardSpec& spec, const ShardView* shard) {
  if (shard != nullptr) return shard->nodes;
  std::vector<NodeView> nodes(spec.nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].name = spec.nodes[i].name;
    nodes[i].region = spec.nodes[i].region;
  }
  return nodes;
}

std::optional<Duration> budget_of(const ShardSpec& spec, const std::optional<Duration>& exposure) {
  if (!exposure) return std::nullopt;
  return spec.rpo - *exposure;
}

enum class Depth { summary, everything };

Json shard_json(const ShardSpec& spec, const ShardView* shard, const Moment& at, Depth depth) {
  const ShardView nothing;
  const ShardView& known = shard == nullptr ? nothing : *shard;
  const std::optional<Duration> exposure = core::exposure_at(known, at.now);
  Json nodes = Json::array();
  for (const NodeView& node : nodes_of(spec, shard)) {
    Json json = node_json(node, at);
    if (depth == Depth::everything) add_node_details(json, node, at);
    nodes.push_back(std::move(json));
  }
  return Json{
      {"shard", spec.id},
      {"writes_usable", core::usable_at(known, at.now)},
      {"writer", writer_json(known.writer)},
      {"highest_epoch", maybe(known.highest_epoch, [](core::Epoch epoch) { return epoch.value; })},
      {"epoch_agreement", known.epoch_agreement},
      {"generation", known.generation_witness ? maybe(known.generation_witness->number) : Json()},
      {"rpo_seconds", core::to_seconds(spec.rpo)},
      {"exposure_seconds", seconds_or_null(exposure)},
      {"budget_remaining_seconds", seconds_or_null(budget_of(spec, exposure))},
      {"time_to_exhaustion_seconds", seconds_or_null(core::time_to_exhaustion_at(known, at.now))},
      {"gate", gate_json(spec, shard, at)},
      {"nodes", std::move(nodes)},
      {"archive", archive_json(spec, known.archive, at)},
      {"synchronous", synchronous_json(known)},
      {"waiver", waiver_json(known.waiver, at)},
      {"freeze", freeze_json(known.freeze)}};
}

Json policy_json(const ShardSpec& spec) {
  return Json{{"home_region", spec.home_region},
              {"allowed_regions", spec.allowed_regions},
              {"durability", name_of(spec.durability)},
              {"copies", spec.copies},
              {"epoch_source", name_of(spec.epoch_source)},
              {"rto_seconds", core::to_seconds(spec.rto)},
              {"slo_objective_percent", spec.slo_objective_percent},
              {"after_failover", name_of(spec.after_failover)}};
}

Json slo_json(const core::SloView& slo) {
  return Json{{"seconds", core::to_seconds(slo.total)},
              {"kept_seconds", core::to_seconds(core::kept(slo))},
              {"exceeded_seconds", core::to_seconds(slo.exceeded)},
              {"unknown_seconds", core::to_seconds(slo.unknown)}};
}

void add_shard_details(Json& json, const ShardSpec& spec, const ShardView* shard,
                       const Moment& at) {
  const ShardView nothing;
  const ShardView& known = shard == nullptr ? nothing : *shard;
  json["evaluated"] = shard == nullptr ? Json() : Json(render_time(at.date(shard->evaluated)));
  json["writers"] = shard == nullptr ? Json() : Json(shard->writers);
  json["probe_interval_seconds"] =
      shard == nullptr ? Json() : Json(core::to_seconds(shard->probe_interval));
  json["stamp_statements"] = known.stamp_statements;
  json["wal_losses"] = losses_json(known.wal_losses, at);
  json["epoch_witness"] = witness_json(spec.epoch_witness, known.epoch_witness, at);
  json["generation_witness"] = witness_json(spec.generation_witness, known.generation_witness, at);
  json["endpoint"] = endpoint_json(spec.endpoint, known.endpoint, at);
  json["recovery_point"] = date_or_null(known.recovery_point, at);
  json["exposure_known_seconds"] = seconds_or_null(core::exposure_known_at(known, at.now));
  json["at_risk_span_seconds"] = seconds_or_null(core::at_risk_span_at(known, at.now));
  json["exposure_growth"] = maybe(known.exposure_growth);
  json["bootstrapped"] = shard == nullptr ? Json() : Json(shard->bootstrapped);
  json["write_outage_seconds"] = age_or_null(known.write_outage_since, at);
  json["last_write_outage_seconds"] = seconds_or_null(known.last_write_outage);
  json["slo"] = slo_json(known.slo);
  json["policy"] = policy_json(spec);
}

// Names may come from databases without an encoding; JSON is UTF-8.
std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string render_cluster_json(const core::View* view, const std::optional<std::string>& shard,
                                Instant now, core::WallTime wall) {
  const Moment at{now, wall};
  Json shards = Json::array();
  bool usable = true;
  for (std::size_t i = 0; view != nullptr && i < view->shards.size(); ++i) {
    const ShardSpec& spec = view->spec->shards[i];
    if (shard && *shard != spec.id) continue;
    shards.push_back(shard_json(spec, view->shards[i].get(), at, Depth::summary));
    usable = usable && shards.back()["writes_usable"].get<bool>();
  }
  const bool single = shards.size() == 1;
  return to_text(Json{{"writes_usable", usable && !shards.empty()},
                      {"writer", single ? shards[0]["writer"] : Json()},
                      {"highest_epoch", single ? shards[0]["highest_epoch"] : Json()},
                      {"shards", shards}});
}

std::string render_view_json(const core::View& view, Instant now, core::WallTime wall) {
  const Moment at{now, wall};
  Json shards = Json::array();
  for (std::size_t i = 0; i < view.shards.size(); ++i) {
    const ShardSpec& spec = view.spec->shards[i];
    Json json = shard_json(spec, view.shards[i].get(), at, Depth::everything);
    add_shard_details(json, spec, view.shards[i].get(), at);
    shards.push_back(std::move(json));
  }
  return to_text(Json{{"version", RPOGUARD_VERSION},
                      {"now", render_time(wall)},
                      {"published", render_time(at.date(view.published))},
                      {"view_age_seconds", core::to_seconds(now - view.published)},
                      {"stale", is_stale(view, now)},
                      {"probe_interval_seconds", core::to_seconds(view.spec->probe.interval)},
                      {"shards", std::move(shards)}}) +
         "\n";
}

}  // namespace rpoguard::serve
