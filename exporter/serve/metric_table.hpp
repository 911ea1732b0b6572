// Every metric of the page in one table: name, type, labels, help. Names are a contract with rules
// and dashboards.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace rpoguard::serve {

/// In the order of the names on the page. Not "histogram" but "distribution": promtool refuses a
/// type in a name.
enum class Metric {
  process_cpu_seconds_total,
  process_max_fds,
  process_open_fds,
  process_resident_memory_bytes,
  process_start_time_seconds,
  process_virtual_memory_bytes,
  backup_age_seconds,
  build_info,
  config_last_reload_success_timestamp_seconds,
  config_last_reload_successful,
  connections,
  connections_limit,
  endpoint_commit_seconds,
  endpoint_on_writer,
  epoch_agreement,
  evidence_disagreement_bytes,
  freeze_ends_timestamp_seconds,
  frozen,
  gate_checks_total,
  gate_open,
  gate_open_for_seconds,
  gate_reason,
  gate_shadow_denials_total,
  gate_transitions_total,
  highest_epoch,
  hook_deliveries_total,
  hook_queue_events,
  hook_retries_total,
  last_evaluation_timestamp_seconds,
  last_write_outage_seconds,
  lease_page_up,
  node_diverged_bytes,
  node_epoch,
  node_in_recovery,
  node_info,
  node_state,
  node_timeline,
  node_up,
  probe_duration_seconds,
  probe_failures_total,
  probe_interval_seconds,
  recovery_point_timestamp_seconds,
  replica_lag_bytes,
  replica_lag_seconds,
  replica_recovery_point_timestamp_seconds,
  replica_streaming,
  replica_synchronous,
  rpo_at_risk_span_seconds,
  rpo_bootstrapped,
  rpo_budget_remaining_seconds,
  rpo_exposure_distribution_seconds,
  rpo_exposure_is_known,
  rpo_exposure_known_seconds,
  rpo_exposure_seconds,
  rpo_target_seconds,
  rpo_time_to_exhaustion_seconds,
  rpo_waived,
  rto_target_seconds,
  shard_info,
  slo_bad_seconds_total,
  slo_objective_ratio,
  slo_seconds_total,
  slot_lag_bytes,
  slot_safe_wal_bytes,
  state_saved,
  synchronous_downgraded,
  wal_archive_age_seconds,
  wal_archive_claimed_ahead_bytes,
  wal_archive_counted,
  wal_archive_failures_total,
  wal_archive_frontier_bytes,
  wal_archive_gap,
  wal_archive_lag_bytes,
  wal_archive_look_failing,
  wal_archive_ready_segments,
  wal_position_bytes,
  web_certificate_expiry_timestamp_seconds,
  web_config_reload_failures_total,
  web_handshake_failures_total,
  witness_number,
  witness_up,
  write_outage_seconds,
  writers,
  writes_usable,
};
inline constexpr std::size_t kMetricCount = 84;

enum class MetricKind { counter, gauge, histogram };

inline constexpr std::size_t kMetricLabelsMax = 4;

struct MetricInfo {
  Metric id;
  std::string_view name;
  MetricKind kind;
  /// Names of the labels in the order in which values are given; unused ones are empty.
  std::array<std::string_view, kMetricLabelsMax> labels;
  /// For a person at 03:00: what it is, in which unit, on which clock, and what absence means. One
  /// line without backslashes: it is not escaped (P3).
  std::string_view help;
};

/// Sorted by name; entry i describes static_cast<Metric>(i).
const std::array<MetricInfo, kMetricCount>& metric_table();

}  // namespace rpoguard::serve
