// The metrics of a node: what it is, what its copy is worth, and what it is busy with.
#include <array>
#include <optional>
#include <set>
#include <string>

#include "exporter/serve/metrics/metric_rows.hpp"

namespace rpoguard::serve {
namespace {

constexpr const char* kFlush = "flush";
constexpr const char* kReplay = "replay";

const char* role_of(const NodeScrape& node) {
  if (!node.spec.durability_target) return "reader";
  return node.spec.region == node.shard.home_region ? "home" : "copy";
}

// Two names that differ only in invalid bytes would become the same series: the first one stays.
template <typename Visit>
void for_each_connection_state(const NodeScrape& node, Visit visit) {
  if (!node.view.slow) return;
  std::set<std::string> seen;
  for (const auto& [name, count] : node.view.slow->connections) {
    const auto [state, is_new] = seen.insert(base::sanitize_utf8(name));
    if (is_new) visit(*state, count);
  }
}

template <typename Visit>
void for_each_slot(const NodeScrape& node, Visit visit) {
  if (!node.view.slow) return;
  std::set<std::string> seen;
  for (const core::SlotFacts& slot : node.view.slow->slots) {
    const auto [name, is_new] = seen.insert(base::sanitize_utf8(slot.name));
    if (is_new) visit(*name, slot);
  }
}

constexpr auto kNodeRows = std::to_array<MetricRow>({
    {.name = "rpoguard_connections",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "state"},
     .help = "Server connections of the node by state as pg_stat_activity names it, up to one slow "
             "probe old. The states active, idle, idle in transaction and idle in transaction "
             "(aborted) are there even when 0, other states only while there are any. Where "
             "track_activities is off for sessions, they count as disabled, and a state that no "
             "other session is in is absent, not 0. Absent while the node gives no answer.",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       for_each_connection_state(
           node, [&](const std::string& state, std::int64_t count) { add({state}, count); });
     })},
    {.name = "rpoguard_connections_limit",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "Connections the node accepts at most (max_connections). Absent while the node gives "
             "no answer.",
     .read = each_node([](const NodeScrape& node) {
       return node.view.slow ? node.view.slow->connections_limit : std::nullopt;
     })},
    {.name = "rpoguard_evidence_disagreement_bytes",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "Bytes by which the writer's report of this copy is ahead of the copy's own report. "
             "Steadily above 0: a wrong application_name, a cascade or a forked timeline. Absent "
             "where the two cannot be compared.",
     .read =
         each_node([](const NodeScrape& node) { return node.view.evidence_disagreement_bytes; })},
    {.name = "rpoguard_node_diverged_bytes",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help =
         "WAL bytes on the node beyond the point where its history and the writer's part. Above 0: "
         "the node needs pg_rewind or a rebuild. Absent where the histories cannot be compared.",
     .read = each_node([](const NodeScrape& node) { return node.view.diverged_bytes; })},
    {.name = "rpoguard_node_epoch",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "The writer epoch that this node reports. Absent while it gives no answer or has no "
             "epoch.",
     .read = each_node([](const NodeScrape& node) { return node.view.epoch; })},
    {.name = "rpoguard_node_in_recovery",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "1 if the node is a standby (in recovery), 0 if it accepts writes. Absent while it "
             "gives no answer.",
     .read = each_node([](const NodeScrape& node) { return node.view.in_recovery; })},
    {.name = "rpoguard_node_info",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "node_region", "role_wanted"},
     .help = "Always 1. The node's region and role in the configuration: home (may write in the "
             "home region), copy (counts as a durable copy elsewhere) or reader (never counted).",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       add({base::sanitize_utf8(node.spec.region), role_of(node)}, 1);
     })},
    {.name = "rpoguard_node_lineage",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "state"},
     .help = "1 for what is known of whose WAL the node holds, 0 for the others. follows and "
             "assumed: the writer's. unknown and diverged: it does not count as a copy. All 0 for "
             "the writer, and where nothing is held against a node while there is no writer.",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       for_each_value<core::Lineage>(core::kLineageCount, [&](core::Lineage lineage) {
         add({name_of(lineage)}, node.view.lineage == lineage);
       });
     })},
    {.name = "rpoguard_node_same_server",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "1 if this node's name leads to the same server as that of a node before it in the "
             "configuration, or is not known to lead to another one, or if its server announces "
             "itself by the name of a node that has never answered: it does not count as a copy "
             "once more. 0 for a server of its own. Absent before its first answer.",
     .read = each_node([](const NodeScrape& node) {
       return node.view.last_answer ? std::optional(!node.view.same_server_as.empty())
                                    : std::nullopt;
     })},
    {.name = "rpoguard_node_state",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "state"},
     .help = "1 for the node's state by rpoguard's verdict, 0 for all other states.",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       for_each_value<core::NodeState>(core::kNodeStateCount, [&](core::NodeState state) {
         add({name_of(state)}, node.view.state == state);
       });
     })},
    {.name = "rpoguard_node_timeline",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "The WAL timeline of the node. Absent while it gives no answer.",
     .read = each_node([](const NodeScrape& node) { return node.view.timeline; })},
    {.name = "rpoguard_node_up",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "1 if the last probe of the node gave facts, 0 if it failed or there was none yet; "
             "rpoguard_probe_failures_total says why.",
     .read = each_node([](const NodeScrape& node) { return node.view.up; })},
    {.name = "rpoguard_probe_duration_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "How long the last light probe of the node took. Absent before the first.",
     .read = each_node([](const NodeScrape& node) { return node.view.probe_duration; })},
    {.name = "rpoguard_probe_failures_total",
     .kind = MetricKind::counter,
     .labels = {"shard", "node", "reason"},
     .help = "Light probes of the node that gave no facts since start, by reason.",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       for_each_value<core::ProbeFailure>(
           core::kProbeFailureCount, [&](core::ProbeFailure failure) {
             add({name_of(failure)},
                 node.view.probe_failures.at(static_cast<std::size_t>(failure)));
           });
     })},
    {.name = "rpoguard_replica_lag_bytes",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "stage"},
     .help = "WAL bytes that the copy has not flushed (stage flush) or not replayed (stage replay) "
             "of what the writer has written. Absent where it cannot be proven.",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       add({kFlush}, node.view.lag_bytes_flush);
       add({kReplay}, node.view.lag_bytes_replay);
     })},
    {.name = "rpoguard_replica_lag_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "stage"},
     .help = "Age, at the scrape, of the latest moment up to which the copy provably has "
             "everything; grows by itself while rpoguard hears nothing. About one probe interval "
             "in good health. Absent where nothing is proven.",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       add({kFlush}, node.at.age(node.view.recovery_point_flush));
       add({kReplay}, node.at.age(node.view.recovery_point_replay));
     })},
    {.name = "rpoguard_replica_recovery_point_timestamp_seconds",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "stage"},
     .help = "Everything acknowledged before this Unix time (wall clock of this host) is proven "
             "flushed or replayed on the copy. Absent where nothing is proven.",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       add({kFlush}, node.at.date(node.view.recovery_point_flush));
       add({kReplay}, node.at.date(node.view.recovery_point_replay));
     })},
    {.name = "rpoguard_replica_streaming",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "1 if both the copy and the writer report that WAL streams to the copy, else 0. "
             "Absent for the writer and while the copy does not answer: the writer's report "
             "outlives a dead connection.",
     .read = each_node([](const NodeScrape& node) { return node.view.streaming; })},
    {.name = "rpoguard_replica_synchronous",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help =
         "1 if the writer waits for this copy (sync_state sync or quorum), else 0. Absent "
         "for the writer, and where no row of its pg_stat_replication is known to be this copy's.",
     .read = each_node([](const NodeScrape& node) { return node.view.synchronous; })},
    {.name = "rpoguard_slot_lag_bytes",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "slot"},
     .help = "WAL bytes between the node's position and what the replication slot still needs, up "
             "to one slow probe old. Absent while unknown.",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       for_each_slot(node, [&](const std::string& name, const core::SlotFacts& slot) {
         add({name}, slot.lag_bytes);
       });
     })},
    {.name = "rpoguard_slot_lost",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "slot"},
     .help = "1 if the server has removed WAL that the slot needs, or has invalidated the slot "
             "otherwise: its consumer must be rebuilt. Else 0. Absent where the server does not "
             "tell (PostgreSQL 12).",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       for_each_slot(node, [&](const std::string& name, const core::SlotFacts& slot) {
         add({name}, slot.lost);
       });
     })},
    {.name = "rpoguard_slot_safe_wal_bytes",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node", "slot"},
     .help = "WAL bytes that may still be written before the slot is lost. Absent where no limit "
             "is configured, and once it is lost.",
     .read = each_node([](const NodeScrape& node, SamplesOf& add) {
       for_each_slot(node, [&](const std::string& name, const core::SlotFacts& slot) {
         add({name}, slot.safe_wal_bytes);
       });
     })},
    {.name = "rpoguard_wal_position_bytes",
     .kind = MetricKind::gauge,
     .labels = {"shard", "node"},
     .help = "Position in the WAL: where a writer inserts, or up to where a standby has flushed. "
             "Absent while the node gives no answer.",
     .read = each_node([](const NodeScrape& node) { return node.view.wal_position; })},
});
static_assert(is_sorted_by_name(kNodeRows));

}  // namespace

std::span<const MetricRow> node_rows() {
  return kNodeRows;
}

}  // namespace rpoguard::serve
