#include <algorithm>

#include "exporter/config/key_table.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::config {
namespace {

using core::AfterFailover;
using core::Durability;
using core::GateMode;
using core::GateSpec;
using core::NodeSpec;
using core::ShardSpec;

static_assert(core::limits::kNodesPerShardMax == 16, "the range of copies says 16");
static_assert(core::limits::kLeaseIntervalsMin == 2, "the help of max_lease says 2");
static_assert(core::limits::kWalClockReach == std::chrono::hours(24), "the range of rpo says 24h");

std::vector<std::string> regions_of(const std::vector<NodeSpec>& nodes) {
  std::vector<std::string> regions;
  for (const NodeSpec& node : nodes) {
    if (std::ranges::find(regions, node.region) == regions.end()) regions.push_back(node.region);
  }
  return regions;
}

}  // namespace

std::vector<Key> promise_keys() {
  return {
      {.path = "defaults.rpo",
       .sets = member<&ShardSpec::rpo>(),
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "1s", .high = "24h", .or_word = "0s"},
       .help = "how much acknowledged work may be lost; 0s promises synchronous durability"},
      {.path = "defaults.rto",
       .sets = member<&ShardSpec::rto>(),
       .type = Type::duration,
       .default_text = "10m",
       .range = {.low = "1s", .high = "7d"},
       .help = "how soon writes must be back after the writer is lost"},
      {.path = "defaults.durability",
       .sets = member<&ShardSpec::durability>(),
       .type = Type::choice,
       .default_text = "flush",
       .choices = words_of(Durability::flush, Durability::replay),
       .help = "what a copy must have done with WAL before that WAL counts"},
      {.path = "defaults.copies",
       .sets = member<&ShardSpec::copies>(),
       .type = Type::integer,
       .default_text = "1",
       .range = {.low = "1", .high = "16"},
       .help = "how many counted copies must hold a commit"},
      {.path = "defaults.slo.objective",
       .sets = member<&ShardSpec::slo_objective_percent>(),
       .type = Type::number,
       .default_text = "99.9",
       .range = {.low = "50", .high = "100", .low_excluded = true, .high_excluded = true},
       .help = "percent of time in which the RPO must be kept"},
  };
}

std::vector<Key> failover_keys() {
  return {
      {.path = "defaults.after_failover",
       .sets = member<&ShardSpec::after_failover>(),
       .type = Type::choice,
       .default_text = "waive",
       .choices = words_of(AfterFailover::waive, AfterFailover::enforce),
       .help = "after a stamped promotion: open without a remote copy, or stay closed"},
      {.path = "defaults.waive_for",
       .sets = member<&ShardSpec::waive_for>(),
       .type = Type::duration,
       .default_text = "24h",
       .range = {.low = "1m", .high = "30d"},
       .help = "how long such a waiver lasts at most"},
      {.path = "defaults.proof_ttl",
       .sets = member<&ShardSpec::proof_ttl>(),
       .type = Type::duration,
       .default_text = "2s",
       .range = {.low = "100ms", .high = "1h"},
       .help = "only for rpo 0s: how long one synchronous proof is good; at least probe.interval"},
      {.path = "defaults.gate.mode",
       .sets = member<&ShardSpec::gate, &GateSpec::mode>(),
       .type = Type::choice,
       .default_text = "enforce",
       .choices = words_of(GateMode::enforce, GateMode::shadow, GateMode::off),
       .help = "refuse writes, only count what would be refused, or neither"},
      {.path = "defaults.gate.reopen_below",
       .sets = member<&ShardSpec::gate, &GateSpec::reopen_below>(),
       .type = Type::duration,
       .default_text = "(half of rpo)",
       .derived = [](ShardSpec& shard,
                     const core::Spec&) { shard.gate.reopen_below = shard.rpo / 2; },
       .range = {.low = "1ms", .high = "24h"},
       .help = "the gate reopens only while the exposure is below this; less than rpo"},
      {.path = "defaults.gate.reopen_after",
       .sets = member<&ShardSpec::gate, &GateSpec::reopen_after>(),
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "0s", .high = "1h"},
       .help = "how long the exposure must stay below it; if the gate reopened lately, up to twice "
               "as long"},
      {.path = "defaults.gate.shed_low_priority_at",
       .sets = member<&ShardSpec::gate, &GateSpec::shed_low_priority_at>(),
       .type = Type::number,
       .default_text = "0.8",
       .range = {.low = "0", .high = "1", .low_excluded = true},
       .help = "share of the rpo at which callers with priority=low are refused"},
      {.path = "defaults.gate.max_lease",
       .sets = member<&ShardSpec::gate, &GateSpec::max_lease>(),
       .type = Type::duration,
       .default_text = "(10s, or 2 * probe.interval if longer)",
       .derived =
           [](ShardSpec& shard, const core::Spec& whole) {
             shard.gate.max_lease = std::max(
                 GateSpec{}.max_lease, core::limits::kLeaseIntervalsMin * whole.probe.interval);
           },
       .range = {.low = "200ms", .high = "24h"},
       .help = "no yes is good for longer: a freeze is in force everywhere after it; "
               "at least 2 * probe.interval"},
  };
}

std::vector<Key> shard_keys() {
  return {
      {.path = "shards[].id",
       .sets = member<&ShardSpec::id>(),
       .type = Type::label,
       .required = true,
       .help = "unique name of the shard, in metrics and in gate paths"},
      {.path = "shards[].home_region",
       .sets = member<&ShardSpec::home_region>(),
       .type = Type::label,
       .required = true,
       .help =
           "region of the writer in normal times; one of allowed_regions, and with a node in it"},
      {.path = "shards[].allowed_regions",
       .sets = member<&ShardSpec::allowed_regions>(),
       .type = Type::labels,
       .default_text = "(the regions of its nodes)",
       .derived = [](ShardSpec& shard,
                     const core::Spec&) { shard.allowed_regions = regions_of(shard.nodes); },
       .help = "where the shard's data may be written and counted (data residency)"},
      {.path = "shards[].nodes[].name",
       .sets = member<&NodeSpec::name>(),
       .type = Type::label,
       .required = true,
       .help = "name of the node, unique within the shard"},
      {.path = "shards[].nodes[].region",
       .sets = member<&NodeSpec::region>(),
       .type = Type::label,
       .required = true,
       .help = "region where the node runs"},
      {.path = "shards[].nodes[].durability_target",
       .sets = member<&NodeSpec::durability_target>(),
       .type = Type::boolean,
       .default_text = "true",
       .help = "counts as a copy while outside the writer's region; false for delayed copies"},
      {.path = "shards[].nodes[].application_name",
       .sets = member<&NodeSpec::application_name>(),
       .type = Type::text,
       .optional = true,
       .help = "name of its walreceiver in the writer's pg_stat_replication; unset: as the server "
               "itself says"},
  };
}

}  // namespace rpoguard::config
