// The metrics of a shard: its promise and how it is kept, its writer, and its gate.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/serve/metrics/metric_rows.hpp"

namespace rpoguard::serve {
namespace {

using core::Duration;
using core::Reason;

constexpr auto histogram = MetricKind::histogram;
constexpr const char* kWriterEndpoint = "writer";

std::optional<Duration> budget(const ShardScrape& shard) {
  return shard.exposure ? std::optional(shard.spec.rpo - *shard.exposure) : std::nullopt;
}

Duration write_outage(const ShardScrape& shard) {
  return shard.at.age(shard.view.write_outage_since).value_or(Duration{0});
}

std::uint64_t transitions(const ShardScrape& shard, bool opened, Reason reason) {
  const auto found = shard.view.gate.transitions.find({opened, reason});
  return found == shard.view.gate.transitions.end() ? 0 : found->second;
}

struct Witness {
  const char* name;
  std::optional<std::int64_t> number;
};

// Those that are configured, also when they were never asked.
std::vector<Witness> witnesses_of(const ShardScrape& shard) {
  const auto number = [](const std::optional<core::WitnessView>& witness) {
    return witness ? witness->number : std::nullopt;
  };
  std::vector<Witness> witnesses;
  if (shard.spec.epoch_witness)
    witnesses.push_back({.name = "epoch", .number = number(shard.view.epoch_witness)});
  if (shard.spec.generation_witness)
    witnesses.push_back({.name = "generation", .number = number(shard.view.generation_witness)});
  return witnesses;
}

constexpr auto kShardRows = std::to_array<MetricRow>({
    {.name = "rpoguard_endpoint_commit_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard", "endpoint"},
     .help = "How long the last canary commit through the writer endpoint took. Absent without a "
             "canary and after a try that failed.",
     .read = each_shard([](const ShardScrape& shard, SamplesOf& add) {
       if (shard.view.endpoint) add({kWriterEndpoint}, shard.view.endpoint->commit_took);
     })},
    {.name = "rpoguard_endpoint_on_writer",
     .kind = MetricKind::gauge,
     .labels = {"shard", "endpoint"},
     .help = "1 if the writer endpoint leads to the confirmed writer, 0 if it leads elsewhere. "
             "Absent where no endpoint is configured, and while rpoguard does not know.",
     .read = each_shard([](const ShardScrape& shard, SamplesOf& add) {
       if (shard.view.endpoint) add({kWriterEndpoint}, shard.view.endpoint->on_writer);
     })},
    {.name = "rpoguard_epoch_agreement",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if no reachable node contradicts the highest epoch; 0 if one accepts writes on "
             "another epoch, or nothing is known yet.",
     .read = each_shard([](const ShardScrape& shard) { return shard.view.epoch_agreement; })},
    {.name = "rpoguard_freeze_ends_timestamp_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "When the operator's freeze ends by itself, in unix seconds. Absent without a freeze "
             "that has an end.",
     .read = each_shard([](const ShardScrape& shard) {
       return shard.view.freeze ? shard.view.freeze->until : std::nullopt;
     })},
    {.name = "rpoguard_frozen",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if an operator has frozen writes, else 0. Absent before the first evaluation.",
     .read = each_shard([](const ShardScrape& shard) {
       return shard.once_evaluated(shard.view.freeze.has_value());
     })},
    {.name = "rpoguard_gate_checks_total",
     .kind = MetricKind::counter,
     .labels = {"shard", "decision"},
     .help = "Answers given to callers of /gate/SHARD and /authz/SHARD since start.",
     .read = each_shard([](const ShardScrape& shard, SamplesOf& add) {
       add({"open"}, shard.answers.open);
       add({"closed"}, shard.answers.closed);
     })},
    {.name = "rpoguard_gate_open",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if the gate lets an ordinary caller write at the moment of the scrape, 0 if it "
             "refuses. In mode shadow or off it answers open in any case.",
     .read = each_shard([](const ShardScrape& shard) { return shard.gate_open; })},
    {.name = "rpoguard_gate_open_for_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "How much longer the gate stays open if nothing new is proven, in seconds of this "
             "host's boot clock. 0 while it is closed.",
     .read = each_shard([](const ShardScrape& shard) {
       return shard.gate_open ? shard.gate.stays_open_for : Duration{0};
     })},
    {.name = "rpoguard_gate_reason",
     .kind = MetricKind::gauge,
     .labels = {"shard", "reason"},
     .help = "1 for the most severe reason for which the gate refuses, or in mode shadow would "
             "refuse; 0 for all others. All 0: the gate is open.",
     .read = each_shard([](const ShardScrape& shard, SamplesOf& add) {
       for_each_value<Reason>(core::kReasonCount, [&](Reason reason) {
         add({name_of(reason)}, shard.gate.reason == reason);
       });
     })},
    {.name = "rpoguard_gate_shadow_denials_total",
     .kind = MetricKind::counter,
     .labels = {"shard"},
     .help = "Answers since start that said open only because the gate is in mode shadow.",
     .read = each_shard([](const ShardScrape& shard) { return shard.answers.shadow_denials; })},
    {.name = "rpoguard_gate_transitions_total",
     .kind = MetricKind::counter,
     .labels = {"shard", "to", "reason"},
     .help = "How often the gate opened or closed since start, by the reason for which it closed.",
     .read = each_shard([](const ShardScrape& shard, SamplesOf& add) {
       for_each_value<Reason>(core::kReasonCount, [&](Reason reason) {
         add({"closed", name_of(reason)}, transitions(shard, false, reason));
         add({"open", name_of(reason)}, transitions(shard, true, reason));
       });
     })},
    {.name = "rpoguard_highest_epoch",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "The highest writer epoch ever seen for the shard; survives a restart. Absent while "
             "none has been seen.",
     .read = each_shard([](const ShardScrape& shard) { return shard.view.highest_epoch; })},
    {.name = "rpoguard_last_evaluation_timestamp_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "Unix time (wall clock of this host) of the last evaluation of the shard. Not moving: "
             "the probing loop hangs. Absent before the first.",
     .read = each_shard([](const ShardScrape& shard) {
       return shard.once_evaluated(shard.at.date(shard.view.evaluated));
     })},
    {.name = "rpoguard_last_write_outage_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "Length of the last ended period without usable writes: the recovery time that was "
             "reached. Absent while none has ended since start.",
     .read = each_shard([](const ShardScrape& shard) { return shard.view.last_write_outage; })},
    {.name = "rpoguard_probe_interval_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "Time between two probes of a node of the shard; shorter while the exposure is high. "
             "Absent before the first evaluation.",
     .read = each_shard(
         [](const ShardScrape& shard) { return shard.once_evaluated(shard.view.probe_interval); })},
    {.name = "rpoguard_recovery_point_timestamp_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "The recovery point: everything acknowledged before this Unix time (wall clock of "
             "this host) is proven durable on the counted copies. Absent while nothing is proven.",
     .read = each_shard(
         [](const ShardScrape& shard) { return shard.at.date(shard.view.recovery_point); })},
    {.name = "rpoguard_rpo_at_risk_span_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "From the recovery point to the last moment at which the writer can have acknowledged "
             "anything: what the gate bounds. Stops growing while the confirmed writer writes "
             "nothing. Absent while nothing is proven.",
     .read = each_shard(
         [](const ShardScrape& shard) { return core::at_risk_span_at(shard.view, shard.at.now); })},
    {.name = "rpoguard_rpo_bootstrapped",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if the recovery point comes from commit times on the writer's own clock, because "
             "WAL positions have proven none since start; else 0.",
     .read = each_shard([](const ShardScrape& shard) { return shard.view.bootstrapped; })},
    {.name = "rpoguard_rpo_budget_remaining_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "RPO minus exposure at the moment of the scrape; negative when the promise is broken. "
             "Absent while the exposure is unknown.",
     .read = each_shard([](const ShardScrape& shard) { return budget(shard); })},
    {.name = "rpoguard_rpo_exposure_distribution_seconds",
     .kind = histogram,
     .labels = {"shard"},
     .help = "How many seconds the shard spent at each exposure, since it was first evaluated; "
             "counts whole seconds, not probes. Time with an unknown exposure is in the +Inf "
             "bucket only, not in the sum. Shows which RPO you could promise.",
     .read = each_shard([](const ShardScrape& shard) { return shard.view.slo.exposure; })},
    {.name = "rpoguard_rpo_exposure_is_known",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if rpoguard_rpo_exposure_seconds is known and thus present, 0 if nothing is proven "
             "and it is absent.",
     .read = each_shard([](const ShardScrape& shard) { return shard.exposure.has_value(); })},
    {.name = "rpoguard_rpo_exposure_known_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "Age of the oldest commit known to be missing on the counted copies; 0 when none is "
             "known to be missing. Absent while the exposure is unknown.",
     .read = each_shard([](const ShardScrape& shard) {
       return core::exposure_known_at(shard.view, shard.at.now);
     })},
    {.name = "rpoguard_rpo_exposure_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "How much acknowledged work, in seconds back from the scrape, could be lost with the "
             "writer's region. Grows by itself while rpoguard hears nothing. Absent, never 0, "
             "while unknown.",
     .read = each_shard([](const ShardScrape& shard) { return shard.exposure; })},
    {.name = "rpoguard_rpo_target_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "The RPO promised for the shard. 0: synchronous durability is promised.",
     .read = each_shard([](const ShardScrape& shard) { return shard.spec.rpo; })},
    {.name = "rpoguard_rpo_time_to_exhaustion_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "How long until the exposure reaches the RPO if it goes on growing as over the last "
             "probes; 0 when it has reached it. Absent while the exposure does not grow or is "
             "unknown, and for RPO 0.",
     .read = each_shard([](const ShardScrape& shard) {
       return core::time_to_exhaustion_at(shard.view, shard.at.now);
     })},
    {.name = "rpoguard_rpo_waived",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if the gate may open without proof of a remote copy, by a waiver; else 0.",
     .read = each_shard([](const ShardScrape& shard) { return shard.gate.waived; })},
    {.name = "rpoguard_rto_target_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "The RTO promised for the shard.",
     .read = each_shard([](const ShardScrape& shard) { return shard.spec.rto; })},
    {.name = "rpoguard_shard_info",
     .kind = MetricKind::gauge,
     .labels = {"shard", "home_region", "durability", "copies"},
     .help = "Always 1. The policy of the shard as configured.",
     .read = each_shard([](const ShardScrape& shard, SamplesOf& add) {
       add({base::sanitize_utf8(shard.spec.home_region), name_of(shard.spec.durability),
            std::to_string(shard.spec.copies)},
           1);
     })},
    {.name = "rpoguard_slo_bad_seconds_total",
     .kind = MetricKind::counter,
     .labels = {"shard", "reason"},
     .help = "Seconds of rpoguard_slo_seconds_total in which the RPO was exceeded, or the exposure "
             "was unknown.",
     .read = each_shard([](const ShardScrape& shard, SamplesOf& add) {
       add({"exceeded"}, shard.view.slo.exceeded);
       add({"unknown"}, shard.view.slo.unknown);
     })},
    {.name = "rpoguard_slo_objective_ratio",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "Share of the time in which the RPO is to be kept, 0 to 1.",
     .read = each_shard(
         [](const ShardScrape& shard) { return shard.spec.slo_objective_percent / 100; })},
    {.name = "rpoguard_slo_seconds_total",
     .kind = MetricKind::counter,
     .labels = {"shard"},
     .help = "Seconds since this process first evaluated the shard; goes on across reloads.",
     .read = each_shard([](const ShardScrape& shard) { return shard.view.slo.total; })},
    {.name = "rpoguard_state_saved",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if what must survive a restart (highest epoch, lineages, rivals, waiver, freeze) "
             "is on disk; 0 if rpoguard cannot write to state_dir: a restart would then forget it. "
             "Absent before the first evaluation.",
     .read = each_shard(
         [](const ShardScrape& shard) { return shard.once_evaluated(shard.view.state_saved); })},
    {.name = "rpoguard_synchronous_downgraded",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if the shard promises RPO 0 but its writer does not wait for a copy, else 0. "
             "Absent for any other RPO, and while there is no confirmed writer.",
     .read = each_shard([](const ShardScrape& shard) { return downgraded(shard.view); })},
    {.name = "rpoguard_waiver_ends_timestamp_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "When the waiver, of a stamped promotion or of an operator, ends at the latest, in "
             "unix seconds. Absent without a waiver.",
     .read = each_shard([](const ShardScrape& shard) {
       return shard.view.waiver ? std::optional(shard.view.waiver->ends) : std::nullopt;
     })},
    {.name = "rpoguard_witness_number",
     .kind = MetricKind::gauge,
     .labels = {"shard", "witness"},
     .help = "The number that the configured witness gives for the shard: its epoch, or the "
             "generation of the shard map. Absent without a good answer within witness.ttl.",
     .read = each_shard([](const ShardScrape& shard, SamplesOf& add) {
       for (const Witness& witness : witnesses_of(shard)) add({witness.name}, witness.number);
     })},
    {.name = "rpoguard_witness_up",
     .kind = MetricKind::gauge,
     .labels = {"shard", "witness"},
     .help = "1 if the configured witness (epoch, or generation of the shard map) has given a good "
             "answer within witness.ttl, else 0.",
     .read = each_shard([](const ShardScrape& shard, SamplesOf& add) {
       for (const Witness& witness : witnesses_of(shard))
         add({witness.name}, witness.number.has_value());
     })},
    {.name = "rpoguard_write_outage_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "How long writes have been unusable; 0 while they are usable. Absent before the first "
             "evaluation.",
     .read = each_shard(
         [](const ShardScrape& shard) { return shard.once_evaluated(write_outage(shard)); })},
    {.name = "rpoguard_writer_lost_wal_total",
     .kind = MetricKind::counter,
     .labels = {"shard"},
     .help = "How often since start the writer was found to have less of its own WAL than it had "
             "flushed: commits that it had acknowledged are gone from it.",
     .read = each_shard([](const ShardScrape& shard) { return shard.view.wal_losses.count; })},
    {.name = "rpoguard_writers",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "How many nodes accept writes. Any number but 1 needs attention. Absent before the "
             "first evaluation.",
     .read = each_shard(
         [](const ShardScrape& shard) { return shard.once_evaluated(shard.view.writers); })},
    {.name = "rpoguard_writes_usable",
     .kind = MetricKind::gauge,
     .labels = {"shard"},
     .help = "1 if, at the scrape, there is one confirmed writer and the gate's lease has not run "
             "out, else 0.",
     .read = each_shard(
         [](const ShardScrape& shard) { return core::usable_at(shard.view, shard.at.now); })},
});
static_assert(is_sorted_by_name(kShardRows));

}  // namespace

std::span<const MetricRow> shard_rows() {
  return kShardRows;
}

}  // namespace rpoguard::serve
