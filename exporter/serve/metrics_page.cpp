#include "exporter/serve/metrics_page.hpp"

#include <set>
#include <string_view>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "exporter/base/utf8.hpp"
#include "exporter/core/gate.hpp"
#include "exporter/serve/metrics_sheet.hpp"
#include "exporter/serve/process_stats.hpp"

namespace rpoguard::serve {
namespace {

using base::sanitize_utf8;
using core::Duration;
using core::Instant;
using core::NodeView;
using core::ShardSpec;
using core::ShardView;
using Page = MetricsSheet;

// Whole microseconds since 1970 divided once: no digits that are not there.
double unix_seconds(core::WallTime time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1e6;
}

struct Moment {
  Instant now;
  core::WallTime wall;

  double timestamp(Instant instant) const {
    return unix_seconds(wall +
                        std::chrono::duration_cast<std::chrono::microseconds>(instant - now));
  }
  double age(Instant instant) const { return core::to_seconds(now - instant); }
};

constexpr auto lsn_bytes = [](core::Lsn lsn) { return lsn.value; };
constexpr auto epoch_value = [](core::Epoch epoch) { return epoch.value; };

class NodeSamples {
 public:
  NodeSamples(Page& page, const Moment& at, std::string_view shard, const core::NodeSpec& spec)
      : page_(page), at_(at), shard_(shard), spec_(spec), name_(sanitize_utf8(spec.name)) {}

  void add(const ShardSpec& shard_spec, const NodeView& node) {
    page_.add(Metric::node_info, {shard_, name_, sanitize_utf8(spec_.region), role(shard_spec)},
              1.0);
    page_.add(Metric::node_up, {shard_, name_}, node.up);
    page_.add(Metric::node_in_recovery, {shard_, name_}, node.in_recovery);
    page_.add(Metric::node_epoch, {shard_, name_}, node.epoch, epoch_value);
    page_.add(Metric::node_timeline, {shard_, name_}, node.timeline,
              [](core::Timeline timeline) { return timeline.value; });
    page_.add(Metric::wal_position_bytes, {shard_, name_}, node.wal_position, lsn_bytes);
    page_.add(Metric::probe_duration_seconds, {shard_, name_}, node.probe_duration,
              core::to_seconds);
    for (std::size_t i = 0; i < core::kNodeStateCount; ++i) {
      const auto state = static_cast<core::NodeState>(i);
      page_.add(Metric::node_state, {shard_, name_, name_of(state)}, node.state == state);
    }
    for (std::size_t i = 0; i < core::kProbeFailureCount; ++i) {
      page_.add(Metric::probe_failures_total,
                {shard_, name_, name_of(static_cast<core::ProbeFailure>(i))},
                static_cast<double>(node.probe_failures.at(i)));
    }
    page_.add(Metric::node_diverged_bytes, {shard_, name_}, node.diverged_bytes);
    add_replica(node);
    if (node.slow) add_slow(*node.slow);
  }

 private:
  std::string_view role(const ShardSpec& shard_spec) const {
    if (!spec_.durability_target) return "reader";
    return spec_.region == shard_spec.home_region ? "home" : "copy";
  }

  void add_replica(const NodeView& node) {
    add_stage("flush", node.recovery_point_flush, node.lag_bytes_flush);
    add_stage("replay", node.recovery_point_replay, node.lag_bytes_replay);
    page_.add(Metric::replica_streaming, {shard_, name_}, node.streaming);
    page_.add(Metric::replica_synchronous, {shard_, name_}, node.synchronous);
    page_.add(Metric::evidence_disagreement_bytes, {shard_, name_},
              node.evidence_disagreement_bytes);
  }

  void add_stage(std::string_view stage, const std::optional<Instant>& recovery_point,
                 const std::optional<std::int64_t>& lag_bytes) {
    const auto labels = {shard_, std::string_view(name_), stage};
    page_.add(Metric::replica_lag_bytes, labels, lag_bytes);
    page_.add(Metric::replica_lag_seconds, labels, recovery_point,
              [this](Instant instant) { return at_.age(instant); });
    page_.add(Metric::replica_recovery_point_timestamp_seconds, labels, recovery_point,
              [this](Instant instant) { return at_.timestamp(instant); });
  }

  void add_slow(const core::SlowFacts& slow) {
    page_.add(Metric::connections_limit, {shard_, name_}, slow.connections_limit);
    // P7: two names that differ only in invalid bytes would become the same series.
    std::set<std::string> seen;
    for (const auto& [name, count] : slow.connections) {
      const std::string state = sanitize_utf8(name);
      if (!seen.insert(state).second) continue;
      page_.add(Metric::connections, {shard_, name_, state}, static_cast<double>(count));
    }
    seen.clear();
    for (const core::SlotFacts& slot : slow.slots) {
      const std::string slot_name = sanitize_utf8(slot.name);
      if (!seen.insert(slot_name).second) continue;
      page_.add(Metric::slot_lag_bytes, {shard_, name_, slot_name}, slot.lag_bytes);
      page_.add(Metric::slot_safe_wal_bytes, {shard_, name_, slot_name}, slot.safe_wal_bytes);
    }
  }

  Page& page_;
  const Moment& at_;
  const std::string_view shard_;
  const core::NodeSpec& spec_;
  const std::string name_;
};

// The samples of one shard. `view` is null while it has not been evaluated: then the series that
// exist from the start are there and nothing else.
class ShardSamples {
 public:
  ShardSamples(Page& page, const Moment& at, const ShardSpec& spec, const ShardView* view)
      : page_(page), at_(at), spec_(spec), view_(view), id_(sanitize_utf8(spec.id)) {}

  void add(const MetricsContext& context) {
    static const ShardView kNothing;
    const ShardView& known = view_ == nullptr ? kNothing : *view_;
    add_policy();
    add_promise(known);
    add_writer(known);
    add_slo(known);
    add_archive(known.archive);
    add_witness("epoch", spec_.epoch_witness.has_value(), known.epoch_witness);
    add_witness("generation", spec_.generation_witness.has_value(), known.generation_witness);
    if (known.endpoint) add_endpoint(*known.endpoint);
    add_gate(known, context.stopping);
    add_checks(context.gate_counters.of(spec_.id));
    static const NodeView kNoNode;
    for (std::size_t i = 0; i < spec_.nodes.size(); ++i) {
      NodeSamples(page_, at_, id_, spec_.nodes[i])
          .add(spec_, view_ == nullptr ? kNoNode : view_->nodes.at(i));
    }
  }

 private:
  void add_policy() {
    page_.add(Metric::shard_info,
              {id_, sanitize_utf8(spec_.home_region), name_of(spec_.durability),
               std::to_string(spec_.copies)},
              1.0);
    page_.add(Metric::rpo_target_seconds, {id_}, core::to_seconds(spec_.rpo));
    page_.add(Metric::rto_target_seconds, {id_}, core::to_seconds(spec_.rto));
    page_.add(Metric::slo_objective_ratio, {id_}, spec_.slo_objective_percent / 100);
  }

  void add_promise(const ShardView& known) {
    const auto exposure = core::exposure_at(known, at_.now);
    page_.add(Metric::rpo_exposure_is_known, {id_}, exposure.has_value());
    page_.add(Metric::rpo_exposure_seconds, {id_}, exposure, core::to_seconds);
    page_.add(
        Metric::rpo_budget_remaining_seconds, {id_}, exposure,
        [this](Duration known_exposure) { return core::to_seconds(spec_.rpo - known_exposure); });
    page_.add(Metric::rpo_exposure_known_seconds, {id_}, core::exposure_known_at(known, at_.now),
              core::to_seconds);
    page_.add(Metric::rpo_at_risk_span_seconds, {id_}, core::at_risk_span_at(known, at_.now),
              core::to_seconds);
    page_.add(Metric::recovery_point_timestamp_seconds, {id_}, known.recovery_point,
              [this](Instant instant) { return at_.timestamp(instant); });
    page_.add(Metric::rpo_time_to_exhaustion_seconds, {id_},
              core::time_to_exhaustion_at(known, at_.now), core::to_seconds);
    page_.add(Metric::rpo_bootstrapped, {id_}, known.bootstrapped);
    if (view_ == nullptr) return;
    page_.add(Metric::probe_interval_seconds, {id_}, core::to_seconds(known.probe_interval));
    if (known.synchronous.promised && known.writer)
      page_.add(Metric::synchronous_downgraded, {id_}, known.synchronous.downgraded);
  }

  void add_writer(const ShardView& known) {
    page_.add(Metric::highest_epoch, {id_}, known.highest_epoch, epoch_value);
    page_.add(Metric::epoch_agreement, {id_}, known.epoch_agreement);
    page_.add(Metric::writes_usable, {id_}, core::usable_at(known, at_.now));
    page_.add(Metric::last_write_outage_seconds, {id_}, known.last_write_outage, core::to_seconds);
    if (view_ == nullptr) return;
    page_.add(Metric::writers, {id_}, static_cast<double>(known.writers));
    page_.add(Metric::state_saved, {id_}, known.state_saved);
    page_.add(Metric::last_evaluation_timestamp_seconds, {id_}, at_.timestamp(known.evaluated));
    page_.add(Metric::write_outage_seconds, {id_},
              known.write_outage_since ? at_.age(*known.write_outage_since) : 0.0);
  }

  void add_slo(const ShardView& known) {
    page_.add(Metric::slo_seconds_total, {id_}, core::to_seconds(known.slo.total));
    page_.add(Metric::slo_bad_seconds_total, {id_, "exceeded"},
              core::to_seconds(known.slo.exceeded));
    page_.add(Metric::slo_bad_seconds_total, {id_, "unknown"}, core::to_seconds(known.slo.unknown));
    page_.add(Metric::rpo_exposure_distribution_seconds, {id_}, known.slo.exposure);
  }

  void add_archive(const core::ArchiveView& archive) {
    if (!archive.enabled) return;
    page_.add(Metric::wal_archive_age_seconds, {id_}, archive.recovery_point,
              [this](Instant instant) { return at_.age(instant); });
    page_.add(Metric::wal_archive_lag_bytes, {id_}, archive.lag_bytes);
    page_.add(Metric::wal_archive_failures_total, {id_}, archive.failed_count);
    page_.add(Metric::wal_archive_ready_segments, {id_}, archive.ready_segments);
    page_.add(Metric::wal_archive_frontier_bytes, {id_}, archive.frontier, lsn_bytes);
    page_.add(Metric::wal_archive_gap, {id_}, archive.gap_segments);
    page_.add(Metric::wal_archive_claimed_ahead_bytes, {id_}, archive.claimed_ahead_bytes);
    page_.add(Metric::wal_archive_counted, {id_}, archive.counted);
    if (spec_.archive.source != core::ArchiveSource::postgres)
      page_.add(Metric::wal_archive_look_failing, {id_}, archive.failure.has_value());
    page_.add(Metric::backup_age_seconds, {id_}, archive.last_backup,
              [this](core::WallTime time) { return core::to_seconds(at_.wall - time); });
  }

  void add_witness(std::string_view name, bool configured,
                   const std::optional<core::WitnessView>& witness) {
    if (!configured) return;
    const auto number = witness ? witness->number : std::nullopt;
    page_.add(Metric::witness_up, {id_, name}, number.has_value());
    page_.add(Metric::witness_number, {id_, name}, number);
  }

  void add_endpoint(const core::EndpointView& endpoint) {
    page_.add(Metric::endpoint_on_writer, {id_, "writer"}, endpoint.on_writer);
    page_.add(Metric::endpoint_commit_seconds, {id_, "writer"}, endpoint.commit_took,
              core::to_seconds);
  }

  void add_gate(const ShardView& known, bool stopping) {
    const core::GateDecision decision = core::check_gate(spec_, view_, {}, at_.now);
    const bool open = decision.open && !stopping;
    page_.add(Metric::gate_open, {id_}, open);
    page_.add(Metric::gate_open_for_seconds, {id_},
              open ? core::to_seconds(decision.open_for) : 0.0);
    page_.add(Metric::rpo_waived, {id_}, decision.waived);
    if (view_ != nullptr) page_.add(Metric::frozen, {id_}, known.freeze.has_value());
    if (known.freeze && known.freeze->until)
      page_.add(Metric::freeze_ends_timestamp_seconds, {id_}, unix_seconds(*known.freeze->until));
    for (std::size_t i = 0; i < core::kReasonCount; ++i) {
      const auto reason = static_cast<core::Reason>(i);
      page_.add(Metric::gate_reason, {id_, name_of(reason)}, decision.reason == reason);
      for (const bool opened : {false, true}) {
        const auto found = known.gate.transitions.find({opened, reason});
        const bool never = found == known.gate.transitions.end();
        page_.add(Metric::gate_transitions_total,
                  {id_, opened ? "open" : "closed", name_of(reason)},
                  never ? 0.0 : static_cast<double>(found->second));
      }
    }
  }

  void add_checks(const GateCounters::Counts& counts) {
    page_.add(Metric::gate_checks_total, {id_, "open"}, static_cast<double>(counts.open));
    page_.add(Metric::gate_checks_total, {id_, "closed"}, static_cast<double>(counts.closed));
    page_.add(Metric::gate_shadow_denials_total, {id_}, static_cast<double>(counts.shadow_denials));
  }

  Page& page_;
  const Moment& at_;
  const ShardSpec& spec_;
  const ShardView* view_;
  const std::string id_;
};

void add_process(Page& page, const ReloadStatus::State& reload) {
  page.add(Metric::build_info, {RPOGUARD_VERSION}, 1.0);
  page.add(Metric::config_last_reload_successful, {}, reload.successful);
  if (reload.last_success != core::WallTime{}) {
    page.add(Metric::config_last_reload_success_timestamp_seconds, {},
             unix_seconds(reload.last_success));
  }
  const ProcessStats stats = read_process_stats();
  page.add(Metric::process_cpu_seconds_total, {}, stats.cpu_seconds);
  page.add(Metric::process_max_fds, {}, stats.max_fds);
  page.add(Metric::process_open_fds, {}, stats.open_fds);
  page.add(Metric::process_resident_memory_bytes, {}, stats.resident_bytes);
  page.add(Metric::process_start_time_seconds, {}, stats.start_time_seconds);
  page.add(Metric::process_virtual_memory_bytes, {}, stats.virtual_bytes);
}

void add_hooks(Page& page, const std::vector<core::HookStats>& hooks) {
  for (const core::HookStats& hook : hooks) {
    const std::string name = sanitize_utf8(hook.name);
    const auto add = [&](const char* result, std::uint64_t count) {
      page.add(Metric::hook_deliveries_total, {name, result}, static_cast<double>(count));
    };
    add("delivered", hook.delivered);
    add("failed", hook.failed);
    add("dropped", hook.dropped);
    page.add(Metric::hook_retries_total, {name}, static_cast<double>(hook.retries));
    page.add(Metric::hook_queue_events, {name}, static_cast<double>(hook.queued));
  }
}

void add_web(Page& page, const std::vector<WebStats>& listeners) {
  for (const WebStats& web : listeners) {
    page.add(Metric::web_config_reload_failures_total, {web.listener},
             static_cast<double>(web.reload_failures));
    if (!web.certificate_expiry) continue;
    page.add(Metric::web_certificate_expiry_timestamp_seconds, {web.listener},
             unix_seconds(*web.certificate_expiry));
    page.add(Metric::web_handshake_failures_total, {web.listener},
             static_cast<double>(web.handshake_failures));
  }
}

class ViewCollector final : public prometheus::Collectable {
 public:
  explicit ViewCollector(const MetricsContext& context) : context_(context) {}

  // P7: one view and one moment for the whole page.
  std::vector<prometheus::MetricFamily> Collect() const override {
    const auto view = context_.views.current();
    const Moment at{context_.clock.now(), context_.clock.wall()};
    Page page;
    add_process(page, context_.reload_status.get());
    if (context_.hook_stats) add_hooks(page, context_.hook_stats());
    if (context_.web_stats) add_web(page, context_.web_stats());
    if (view) page.add(Metric::lease_page_up, {}, view->lease_page_up);
    const std::size_t shards = view ? view->shards.size() : 0;
    page.expect(shards);
    for (std::size_t i = 0; i < shards; ++i) {
      ShardSamples(page, at, view->spec->shards[i], view->shards[i].get()).add(context_);
    }
    return page.take();
  }

 private:
  const MetricsContext& context_;
};

}  // namespace

std::string render_metrics(const MetricsContext& context) {
  return to_text(ViewCollector(context).Collect());
}

}  // namespace rpoguard::serve
