#include "exporter/serve/metric_table.hpp"

namespace rpoguard::serve {
namespace {

constexpr auto counter = MetricKind::counter;
constexpr auto gauge = MetricKind::gauge;
constexpr auto histogram = MetricKind::histogram;

using Labels = std::array<std::string_view, kMetricLabelsMax>;

constexpr MetricInfo row(Metric id, std::string_view name, MetricKind kind, const Labels& labels,
                         std::string_view help) {
  return {id, name, kind, labels, help};
}

constexpr std::array<MetricInfo, kMetricCount> kTable{{
    row(Metric::process_cpu_seconds_total, "process_cpu_seconds_total", counter, {},
        "Total user and system CPU time spent in seconds."),
    row(Metric::process_max_fds, "process_max_fds", gauge, {},
        "Maximum number of open file descriptors."),
    row(Metric::process_open_fds, "process_open_fds", gauge, {},
        "Number of open file descriptors."),
    row(Metric::process_resident_memory_bytes, "process_resident_memory_bytes", gauge, {},
        "Resident memory size in bytes."),
    row(Metric::process_start_time_seconds, "process_start_time_seconds", gauge, {},
        "Start time of the process since unix epoch in seconds."),
    row(Metric::process_virtual_memory_bytes, "process_virtual_memory_bytes", gauge, {},
        "Virtual memory size in bytes."),
    row(Metric::backup_age_seconds, "rpoguard_backup_age_seconds", gauge, {"shard"},
        "Age of the latest backup that the archive knows of, by its own time and the wall clock of "
        "this host. Absent without one, and where the source does not tell."),
    row(Metric::build_info, "rpoguard_build_info", gauge, {"version"},
        "Always 1. The label says which rpoguard this is."),
    row(Metric::config_last_reload_success_timestamp_seconds,
        "rpoguard_config_last_reload_success_timestamp_seconds", gauge, {},
        "Unix time (wall clock of this host) at which a configuration was last loaded without an "
        "error."),
    row(Metric::config_last_reload_successful, "rpoguard_config_last_reload_successful", gauge, {},
        "1 if the last attempt to load the configuration succeeded; 0 if the file was refused and "
        "the previous configuration is still in effect."),
    row(Metric::connections, "rpoguard_connections", gauge, {"shard", "node", "state"},
        "Server connections of the node by state as pg_stat_activity names it, up to one slow "
        "probe old. active, idle, idle in transaction and idle in transaction (aborted) are there "
        "also when 0, others while there are any. Absent while the node gives no answer."),
    row(Metric::connections_limit, "rpoguard_connections_limit", gauge, {"shard", "node"},
        "Connections the node accepts at most (max_connections). Absent while the node gives no "
        "answer."),
    row(Metric::endpoint_commit_seconds, "rpoguard_endpoint_commit_seconds", gauge,
        {"shard", "endpoint"},
        "How long the last canary commit through the writer endpoint took. Absent without a canary "
        "and after a try that failed."),
    row(Metric::endpoint_on_writer, "rpoguard_endpoint_on_writer", gauge, {"shard", "endpoint"},
        "1 if the writer endpoint leads to the confirmed writer, 0 if it leads elsewhere. Absent "
        "where no endpoint is configured, and while nobody can say."),
    row(Metric::epoch_agreement, "rpoguard_epoch_agreement", gauge, {"shard"},
        "1 if no reachable node contradicts the highest epoch; 0 if one accepts writes on another "
        "epoch, or nothing is known yet."),
    row(Metric::evidence_disagreement_bytes, "rpoguard_evidence_disagreement_bytes", gauge,
        {"shard", "node"},
        "Bytes by which the writer's report of this copy is ahead of the copy's own report. "
        "Steadily above 0: a wrong application_name, a cascade or a forked timeline. Absent where "
        "the two cannot be compared."),
    row(Metric::freeze_ends_timestamp_seconds, "rpoguard_freeze_ends_timestamp_seconds", gauge,
        {"shard"},
        "When the operator's freeze ends by itself, in unix seconds. Absent without a freeze that "
        "has an end."),
    row(Metric::frozen, "rpoguard_frozen", gauge, {"shard"},
        "1 if an operator has frozen writes, else 0. Absent before the first evaluation."),
    row(Metric::gate_checks_total, "rpoguard_gate_checks_total", counter, {"shard", "decision"},
        "Answers given to callers of /gate/SHARD and /authz/SHARD since start."),
    row(Metric::gate_open, "rpoguard_gate_open", gauge, {"shard"},
        "1 if an ordinary caller of the gate is told to go ahead at the moment of the scrape, 0 if "
        "it is refused. In mode shadow or off the gate answers open whatever it would say."),
    row(Metric::gate_open_for_seconds, "rpoguard_gate_open_for_seconds", gauge, {"shard"},
        "How much longer the gate stays open if nothing new is proven, in seconds of this host's "
        "boot clock. 0 while it is closed."),
    row(Metric::gate_reason, "rpoguard_gate_reason", gauge, {"shard", "reason"},
        "1 for the most severe reason for which the gate refuses, or in mode shadow would refuse; "
        "0 for all others. All 0: it is open."),
    row(Metric::gate_shadow_denials_total, "rpoguard_gate_shadow_denials_total", counter, {"shard"},
        "Answers since start that said open only because the gate is in mode shadow."),
    row(Metric::gate_transitions_total, "rpoguard_gate_transitions_total", counter,
        {"shard", "to", "reason"},
        "How often the gate opened or closed since start, with the reason it closed for."),
    row(Metric::highest_epoch, "rpoguard_highest_epoch", gauge, {"shard"},
        "The highest writer epoch ever seen for the shard; survives a restart. Absent while none "
        "has been seen."),
    row(Metric::hook_deliveries_total, "rpoguard_hook_deliveries_total", counter,
        {"hook", "result"},
        "What became of events for the hook: delivered, failed (refused or given up), dropped (its "
        "queue was full). For an Alertmanager: requests with alerts."),
    row(Metric::hook_queue_events, "rpoguard_hook_queue_events", gauge, {"hook"},
        "Events that wait for the hook, with the one under way."),
    row(Metric::hook_retries_total, "rpoguard_hook_retries_total", counter, {"hook"},
        "Deliveries to the hook tried again after a failure."),
    row(Metric::last_evaluation_timestamp_seconds, "rpoguard_last_evaluation_timestamp_seconds",
        gauge, {"shard"},
        "Unix time (wall clock of this host) of the last evaluation of the shard. Not moving: the "
        "probing loop hangs. Absent before the first."),
    row(Metric::last_write_outage_seconds, "rpoguard_last_write_outage_seconds", gauge, {"shard"},
        "Length of the last period without usable writes that has ended: the recovery time really "
        "reached. Absent while none has ended since start."),
    row(Metric::lease_page_up, "rpoguard_lease_page_up", gauge, {},
        "1 if the lease page is there and is written at every look; 0 if it cannot be made, or "
        "another rpoguard has put its own at the path: then every lease is closed for readers. "
        "Absent where none is configured."),
    row(Metric::node_diverged_bytes, "rpoguard_node_diverged_bytes", gauge, {"shard", "node"},
        "WAL bytes on the node beyond the point where its history and the writer's part. Above 0: "
        "it needs pg_rewind or has to be built anew. Absent where the histories cannot be "
        "compared."),
    row(Metric::node_epoch, "rpoguard_node_epoch", gauge, {"shard", "node"},
        "The writer epoch that this node reports. Absent while it gives no answer or has no "
        "epoch."),
    row(Metric::node_in_recovery, "rpoguard_node_in_recovery", gauge, {"shard", "node"},
        "1 if the node is a standby (in recovery), 0 if it accepts writes. Absent while it gives "
        "no answer."),
    row(Metric::node_info, "rpoguard_node_info", gauge,
        {"shard", "node", "node_region", "role_wanted"},
        "Always 1. Where the configuration places the node, and what for: home (may write in the "
        "home region), copy (counts as durable copy elsewhere) or reader (never counted)."),
    row(Metric::node_state, "rpoguard_node_state", gauge, {"shard", "node", "state"},
        "1 for the state the node is judged to be in, 0 for all others."),
    row(Metric::node_timeline, "rpoguard_node_timeline", gauge, {"shard", "node"},
        "The WAL timeline of the node. Absent while it gives no answer."),
    row(Metric::node_up, "rpoguard_node_up", gauge, {"shard", "node"},
        "1 if the last probe of the node gave facts, 0 if it failed or there was none yet; "
        "rpoguard_probe_failures_total says why."),
    row(Metric::probe_duration_seconds, "rpoguard_probe_duration_seconds", gauge, {"shard", "node"},
        "How long the last light probe of the node took. Absent before the first."),
    row(Metric::probe_failures_total, "rpoguard_probe_failures_total", counter,
        {"shard", "node", "reason"},
        "Light probes of the node that gave no facts since start, by reason."),
    row(Metric::probe_interval_seconds, "rpoguard_probe_interval_seconds", gauge, {"shard"},
        "How often the nodes of the shard are probed now; shortened while the exposure is high. "
        "Absent before the first evaluation."),
    row(Metric::recovery_point_timestamp_seconds, "rpoguard_recovery_point_timestamp_seconds",
        gauge, {"shard"},
        "The recovery point: everything acknowledged before this Unix time (wall clock of this "
        "host) is proven durable on the copies that count. Absent while nothing is proven."),
    row(Metric::replica_lag_bytes, "rpoguard_replica_lag_bytes", gauge, {"shard", "node", "stage"},
        "WAL bytes that the copy has not flushed (stage flush) or not replayed (stage replay) of "
        "what the writer has written. Absent where it cannot be proven."),
    row(Metric::replica_lag_seconds, "rpoguard_replica_lag_seconds", gauge,
        {"shard", "node", "stage"},
        "Age at the moment of the scrape of the latest moment up to which the copy provably has "
        "everything; grows by itself when nothing is heard. About one probe interval in good "
        "health. Absent where nothing is proven."),
    row(Metric::replica_recovery_point_timestamp_seconds,
        "rpoguard_replica_recovery_point_timestamp_seconds", gauge, {"shard", "node", "stage"},
        "Everything acknowledged before this Unix time (wall clock of this host) is proven flushed "
        "or replayed on the copy. Absent where nothing is proven."),
    row(Metric::replica_streaming, "rpoguard_replica_streaming", gauge, {"shard", "node"},
        "1 if WAL streams to the copy, by its own word and the writer's, else 0. Absent for the "
        "writer and while the copy does not answer: the writer's word outlives a dead connection."),
    row(Metric::replica_synchronous, "rpoguard_replica_synchronous", gauge, {"shard", "node"},
        "1 if the writer waits for this copy (sync_state sync or quorum), else 0. Absent where the "
        "writer does not say."),
    row(Metric::rpo_at_risk_span_seconds, "rpoguard_rpo_at_risk_span_seconds", gauge, {"shard"},
        "From the recovery point to the last moment at which the writer can have acknowledged "
        "anything: what the gate bounds. Stops growing when writes have stopped. Absent while "
        "nothing is proven."),
    row(Metric::rpo_bootstrapped, "rpoguard_rpo_bootstrapped", gauge, {"shard"},
        "1 if the recovery point still comes from commit times of the writer's own clock, because "
        "none has been proven by WAL positions since start; else 0."),
    row(Metric::rpo_budget_remaining_seconds, "rpoguard_rpo_budget_remaining_seconds", gauge,
        {"shard"},
        "RPO minus exposure at the moment of the scrape; negative when the promise is broken. "
        "Absent while the exposure is unknown."),
    row(Metric::rpo_exposure_distribution_seconds, "rpoguard_rpo_exposure_distribution_seconds",
        histogram, {"shard"},
        "How long the shard was how exposed: counts whole seconds of time, not looks, since the "
        "shard was first judged. Time with an unknown exposure is in the +Inf bucket only, not in "
        "the sum. Says which RPO could honestly be promised."),
    row(Metric::rpo_exposure_is_known, "rpoguard_rpo_exposure_is_known", gauge, {"shard"},
        "1 if rpoguard_rpo_exposure_seconds is known and thus present, 0 if nothing is proven and "
        "it is absent."),
    row(Metric::rpo_exposure_known_seconds, "rpoguard_rpo_exposure_known_seconds", gauge, {"shard"},
        "Age of the oldest commit known to be missing on the copies that count; 0 when none is "
        "known to be missing. Absent while the exposure is unknown."),
    row(Metric::rpo_exposure_seconds, "rpoguard_rpo_exposure_seconds", gauge, {"shard"},
        "How much acknowledged work, in seconds back from the scrape, could be lost with the "
        "writer's region: what cannot be excluded. Grows by itself when nothing is heard. Absent, "
        "never 0, while unknown."),
    row(Metric::rpo_target_seconds, "rpoguard_rpo_target_seconds", gauge, {"shard"},
        "The RPO promised for the shard. 0: synchronous durability is promised."),
    row(Metric::rpo_time_to_exhaustion_seconds, "rpoguard_rpo_time_to_exhaustion_seconds", gauge,
        {"shard"},
        "How long until the exposure reaches the RPO if it goes on growing as over the last looks; "
        "0 when it has. Absent while it does not grow or is unknown, and for RPO 0."),
    row(Metric::rpo_waived, "rpoguard_rpo_waived", gauge, {"shard"},
        "1 if the gate may open without proof of a remote copy, by a waiver; else 0."),
    row(Metric::rto_target_seconds, "rpoguard_rto_target_seconds", gauge, {"shard"},
        "The RTO promised for the shard."),
    row(Metric::shard_info, "rpoguard_shard_info", gauge,
        {"shard", "home_region", "durability", "copies"},
        "Always 1. The policy of the shard as configured."),
    row(Metric::slo_bad_seconds_total, "rpoguard_slo_bad_seconds_total", counter,
        {"shard", "reason"},
        "Those of rpoguard_slo_seconds_total in which the RPO was not kept: exceeded, or unknown "
        "whether it was."),
    row(Metric::slo_objective_ratio, "rpoguard_slo_objective_ratio", gauge, {"shard"},
        "Share of the time in which the RPO is to be kept, 0 to 1."),
    row(Metric::slo_seconds_total, "rpoguard_slo_seconds_total", counter, {"shard"},
        "Seconds since the shard was first judged by this process; goes on across reloads."),
    row(Metric::slot_lag_bytes, "rpoguard_slot_lag_bytes", gauge, {"shard", "node", "slot"},
        "WAL bytes between the node's position and what the replication slot still needs, up to "
        "one slow probe old. Absent while unknown."),
    row(Metric::slot_safe_wal_bytes, "rpoguard_slot_safe_wal_bytes", gauge,
        {"shard", "node", "slot"},
        "WAL bytes that may still be written before the slot is lost. Absent where no limit is "
        "configured."),
    row(Metric::state_saved, "rpoguard_state_saved", gauge, {"shard"},
        "1 if what must survive a restart (highest epoch, rivals, waiver) is on disk; 0 if "
        "state_dir takes no writes and a restart would forget it. Absent before the first "
        "evaluation."),
    row(Metric::synchronous_downgraded, "rpoguard_synchronous_downgraded", gauge, {"shard"},
        "1 if synchronous durability is promised (RPO 0) and the writer does not require it, else "
        "0. Absent where it is not promised, and while there is no confirmed writer."),
    row(Metric::wal_archive_age_seconds, "rpoguard_wal_archive_age_seconds", gauge, {"shard"},
        "Age at the moment of the scrape of the latest moment up to which everything acknowledged "
        "is archived without a hole. Absent without an archive and while nothing is proven."),
    row(Metric::wal_archive_claimed_ahead_bytes, "rpoguard_wal_archive_claimed_ahead_bytes", gauge,
        {"shard"},
        "WAL bytes that the writer says it archived beyond what the repository holds without a "
        "hole. Steadily above 0: archive_command reports success and drops WAL. Absent while "
        "unknown."),
    row(Metric::wal_archive_counted, "rpoguard_wal_archive_counted", gauge, {"shard"},
        "1 if the archive counts as a durable copy at present, else 0. Absent without an archive."),
    row(Metric::wal_archive_failures_total, "rpoguard_wal_archive_failures_total", counter,
        {"shard"},
        "Failed attempts to archive as the writer counts them; starts again after a failover. "
        "Absent while unknown."),
    row(Metric::wal_archive_frontier_bytes, "rpoguard_wal_archive_frontier_bytes", gauge, {"shard"},
        "Position in the WAL up to which everything on the writer's timeline is archived without a "
        "hole. Absent while unknown."),
    row(Metric::wal_archive_gap, "rpoguard_wal_archive_gap", gauge, {"shard"},
        "Segments missing between the frontier and the newest archived one: no recovery gets past "
        "the hole. Absent where the source cannot show one, and while unknown."),
    row(Metric::wal_archive_lag_bytes, "rpoguard_wal_archive_lag_bytes", gauge, {"shard"},
        "WAL bytes the writer has written beyond what is archived without a hole. Absent while "
        "unknown."),
    row(Metric::wal_archive_look_failing, "rpoguard_wal_archive_look_failing", gauge, {"shard"},
        "1 if the last look at the repository failed, else 0. Absent where only the writer's word "
        "is configured."),
    row(Metric::wal_archive_ready_segments, "rpoguard_wal_archive_ready_segments", gauge, {"shard"},
        "WAL segments of the writer that wait to be archived. Absent while unknown."),
    row(Metric::wal_position_bytes, "rpoguard_wal_position_bytes", gauge, {"shard", "node"},
        "Position in the WAL: where a writer inserts, up to where a copy has flushed. Absent while "
        "the node gives no answer."),
    row(Metric::web_certificate_expiry_timestamp_seconds,
        "rpoguard_web_certificate_expiry_timestamp_seconds", gauge, {"listener"},
        "Unix time at which the certificate that the listener shows ends. Absent without TLS."),
    row(Metric::web_config_reload_failures_total, "rpoguard_web_config_reload_failures_total",
        counter, {"listener"},
        "Changes of the web configuration file, or of a file that it names, that were refused; the "
        "previous ones stay in effect. Absent without such a file."),
    row(Metric::web_handshake_failures_total, "rpoguard_web_handshake_failures_total", counter,
        {"listener"},
        "TLS handshakes that failed: no common version or cipher, no TLS at all, or a client "
        "certificate that was refused or left out. Absent without TLS."),
    row(Metric::witness_number, "rpoguard_witness_number", gauge, {"shard", "witness"},
        "The number that the configured witness gives for the shard: its epoch, or the generation "
        "of the shard map. Absent while it gives none that is young enough."),
    row(Metric::witness_up, "rpoguard_witness_up", gauge, {"shard", "witness"},
        "1 if the configured witness (epoch, or generation of the shard map) has given an answer "
        "that is young enough to count, else 0."),
    row(Metric::write_outage_seconds, "rpoguard_write_outage_seconds", gauge, {"shard"},
        "For how long writes have not been usable; 0 while they are. Absent before the first "
        "evaluation."),
    row(Metric::writers, "rpoguard_writers", gauge, {"shard"},
        "How many nodes accept writes. Anything but 1 needs a look. Absent before the first "
        "evaluation."),
    row(Metric::writes_usable, "rpoguard_writes_usable", gauge, {"shard"},
        "1 if at the moment of the scrape there is one confirmed writer and the gate's lease "
        "holds, else 0."),
}};

constexpr bool ids_match_places() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].id != static_cast<Metric>(i)) return false;
  }
  return true;
}
static_assert(ids_match_places());

}  // namespace

const std::array<MetricInfo, kMetricCount>& metric_table() {
  return kTable;
}

}  // namespace rpoguard::serve
