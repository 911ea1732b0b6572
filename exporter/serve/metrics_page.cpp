// The metrics page: a Collectable over one view, so that nothing has to be kept in step and no
// stale series can survive. What depends on time is computed here, at the moment of the scrape.
#include <cmath>
#include <initializer_list>
#include <set>
#include <string_view>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "exporter/core/check.hpp"
#include "exporter/core/gate.hpp"
#include "exporter/serve/handlers.hpp"
#include "exporter/serve/metric_table.hpp"
#include "exporter/serve/process_stats.hpp"
#include "exporter/serve/text.hpp"

namespace rpoguard::serve {
namespace {

using core::Duration;
using core::Instant;
using core::NodeView;
using core::ShardSpec;
using core::ShardView;
using Values = std::initializer_list<std::string_view>;

// One family per row of the table, filled sample by sample. Label values must be valid UTF-8 (P2).
class Page {
 public:
  Page() : families_(kMetricCount) {
    for (std::size_t i = 0; i < kMetricCount; ++i) {
      const MetricInfo& info = metric_table()[i];
      families_[i].name = info.name;
      families_[i].help = info.help;
      families_[i].type = info.kind == MetricKind::counter ? prometheus::MetricType::Counter
                                                           : prometheus::MetricType::Gauge;
    }
  }

  void expect(std::size_t shards) {
    for (auto& family : families_) family.metric.reserve(shards);
  }

  void add(Metric metric, Values label_values, double value) {
    const auto index = static_cast<std::size_t>(metric);
    const MetricInfo& info = metric_table()[index];
    prometheus::ClientMetric& sample = families_[index].metric.emplace_back();
    sample.label.reserve(label_values.size());
    std::size_t i = 0;
    for (const std::string_view label : label_values) {
      sample.label.push_back({std::string(info.labels.at(i++)), std::string(label)});
    }
    RPOGUARD_CHECK(i == info.labels.size() || info.labels.at(i).empty());
    (info.kind == MetricKind::counter ? sample.counter.value : sample.gauge.value) = value;
  }
  void add(Metric metric, Values label_values, bool value) {
    add(metric, label_values, value ? 1.0 : 0.0);
  }
  // 3.3.6: an unknown value is absent.
  template <typename T, typename ToDouble>
  void add(Metric metric, Values label_values, const std::optional<T>& value, ToDouble to_double) {
    if (value) add(metric, label_values, static_cast<double>(to_double(*value)));
  }
  template <typename T>
  void add(Metric metric, Values label_values, const std::optional<T>& value) {
    if (value) add(metric, label_values, static_cast<double>(*value));
  }

  std::vector<prometheus::MetricFamily> take() {
    std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
    return std::move(families_);
  }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

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
    page_.add(Metric::wal_archive_ready_segments, {shard_, name_}, slow.archive_ready_segments);
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

  void add(const Context& context) {
    static const ShardView kNothing;
    const ShardView& known = view_ == nullptr ? kNothing : *view_;
    add_policy();
    add_promise(known);
    add_writer(known);
    add_slo(known);
    add_archive(known.archive);
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
  }

  void add_writer(const ShardView& known) {
    page_.add(Metric::highest_epoch, {id_}, known.highest_epoch, epoch_value);
    page_.add(Metric::epoch_agreement, {id_}, known.epoch_agreement);
    page_.add(Metric::writes_usable, {id_}, core::usable_at(known, at_.now));
    page_.add(Metric::last_write_outage_seconds, {id_}, known.last_write_outage, core::to_seconds);
    if (view_ == nullptr) return;
    page_.add(Metric::writers, {id_}, static_cast<double>(known.writers));
    page_.add(Metric::last_evaluation_timestamp_seconds, {id_}, at_.timestamp(known.evaluated));
    page_.add(Metric::write_outage_seconds, {id_},
              known.write_outage_since ? at_.age(*known.write_outage_since) : 0.0);
  }

  void add_slo(const ShardView& known) {
    page_.add(Metric::slo_seconds_total, {id_}, core::to_seconds(known.slo.total));
    page_.add(Metric::slo_bad_seconds_total, {id_, "exceeded"},
              core::to_seconds(known.slo.exceeded));
    page_.add(Metric::slo_bad_seconds_total, {id_, "unknown"}, core::to_seconds(known.slo.unknown));
  }

  void add_archive(const core::ArchiveView& archive) {
    if (!archive.enabled) return;
    page_.add(Metric::wal_archive_age_seconds, {id_}, archive.recovery_point,
              [this](Instant instant) { return at_.age(instant); });
    page_.add(Metric::wal_archive_lag_bytes, {id_}, archive.lag_bytes);
    page_.add(Metric::wal_archive_failures_total, {id_}, archive.failed_count);
  }

  void add_gate(const ShardView& known, bool stopping) {
    const core::GateDecision decision = core::decide(spec_, view_, {}, at_.now);
    const bool open = decision.open && !stopping;
    page_.add(Metric::gate_open, {id_}, open);
    page_.add(Metric::gate_open_for_seconds, {id_},
              open ? core::to_seconds(decision.open_for) : 0.0);
    page_.add(Metric::rpo_waived, {id_}, decision.waived);
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

class ViewCollector final : public prometheus::Collectable {
 public:
  explicit ViewCollector(const Context& context) : context_(context) {}

  // P7: one view and one moment for the whole page.
  std::vector<prometheus::MetricFamily> Collect() const override {
    const auto view = context_.views.current();
    const Moment at{context_.clock.now(), context_.clock.wall()};
    Page page;
    add_process(page, context_.reload_status.get());
    const std::size_t shards = view ? view->shards.size() : 0;
    page.expect(shards);
    for (std::size_t i = 0; i < shards; ++i) {
      ShardSamples(page, at, view->spec->shards[i], view->shards[i].get()).add(context_);
    }
    return page.take();
  }

 private:
  const Context& context_;
};

// The escapes of the text format: backslash, quote, line feed.
void append_escaped(std::string& out, std::string_view label_value) {
  for (;;) {
    const std::size_t special = label_value.find_first_of("\\\"\n");
    out += label_value.substr(0, special);
    if (special == std::string_view::npos) return;
    out += '\\';
    out += label_value[special] == '\n' ? 'n' : label_value[special];
    label_value.remove_prefix(special + 1);
  }
}

void append_sample(std::string& out, const std::string& name,
                   const prometheus::ClientMetric& sample, double value) {
  out += name;
  char separator = '{';
  for (const auto& label : sample.label) {
    out += separator;
    out += label.name;
    out += "=\"";
    append_escaped(out, label.value);
    out += '"';
    separator = ',';
  }
  if (separator == ',') out += '}';
  out += ' ';
  append_number(out, value);
  out += '\n';
}

// The text format 0.0.4 for the two kinds there are. prometheus-cpp's TextSerializer writes piece
// by piece through a stream, which makes a page of 100 shards more than twice as slow, and rounds
// to 16 digits.
std::string to_text(const std::vector<prometheus::MetricFamily>& families) {
  constexpr std::size_t kBytesPerSample = 96;
  std::size_t samples = 0;
  for (const auto& family : families) samples += family.metric.size();
  std::string text;
  text.reserve(samples * kBytesPerSample);
  for (const auto& family : families) {
    const bool counter = family.type == prometheus::MetricType::Counter;
    text += "# HELP " + family.name + ' ' + family.help + "\n# TYPE " + family.name;
    text += counter ? " counter\n" : " gauge\n";
    for (const auto& sample : family.metric) {
      append_sample(text, family.name, sample, counter ? sample.counter.value : sample.gauge.value);
    }
  }
  return text;
}

}  // namespace

std::string render_metrics(const Context& context) {
  return to_text(ViewCollector(context).Collect());
}

}  // namespace rpoguard::serve
