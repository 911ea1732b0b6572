#include "exporter/serve/metrics/metrics_page.hpp"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "exporter/base/utf8.hpp"
#include "exporter/serve/metrics/metric_table.hpp"
#include "exporter/serve/metrics/metrics_samples.hpp"
#include "exporter/serve/metrics/metrics_scrape.hpp"
#include "exporter/serve/metrics/metrics_text.hpp"

namespace rpoguard::serve {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// `view`: null while the shard has not been evaluated.
ShardScrape look_at_shard(const MetricsContext& context, const Moment& at,
                          const core::ShardSpec& spec, const core::ShardView* view) {
  static const core::ShardView kNothingKnown;
  static const core::NodeView kNothingKnownOfNode;
  ShardScrape shard{.at = at,
                    .spec = spec,
                    .view = view == nullptr ? kNothingKnown : *view,
                    .evaluated = view != nullptr,
                    .id = base::sanitize_utf8(spec.id),
                    .exposure = {},
                    .gate = core::check_gate(spec, view, {}, at.now),
                    .answers = context.gate_counters.of(spec.id),
                    .nodes = {}};
  shard.exposure = core::exposure_at(shard.view, at.now);
  shard.gate_open = shard.gate.open && !context.stopping;
  shard.nodes.reserve(spec.nodes.size());
  for (std::size_t i = 0; i < spec.nodes.size(); ++i) {
    shard.nodes.push_back({.at = at,
                           .spec = spec.nodes[i],
                           .shard = spec,
                           .view = view == nullptr ? kNothingKnownOfNode : view->nodes.at(i),
                           .name = base::sanitize_utf8(spec.nodes[i].name)});
  }
  return shard;
}

Scrape take_scrape(const MetricsContext& context) {
  Scrape scrape{.view = context.views.current(),
                .at = {.now = context.clock.now(), .wall = context.clock.wall()},
                .shards = {},
                .process = read_process_stats(),
                .reload = context.reload_status.get(),
                .hooks = {},
                .listeners = {},
                .given_up = {}};
  if (context.hook_stats) scrape.hooks = context.hook_stats();
  if (context.web_stats) scrape.listeners = context.web_stats();
  if (context.given_up) scrape.given_up = context.given_up();
  if (context.dropped_log_lines) scrape.dropped_log_lines = context.dropped_log_lines();
  const std::size_t shards = scrape.view ? scrape.view->shards.size() : 0;
  scrape.shards.reserve(shards);
  for (std::size_t i = 0; i < shards; ++i) {
    scrape.shards.push_back(look_at_shard(context, scrape.at, scrape.view->spec->shards[i],
                                          scrape.view->shards[i].get()));
  }
  return scrape;
}

MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return MetricType::Counter;
    case MetricKind::gauge:
      return MetricType::Gauge;
    case MetricKind::histogram:
      return MetricType::Histogram;
  }
  return MetricType::Untyped;
}

MetricFamily family_of(const MetricRow& row, const Scrape& scrape) {
  MetricFamily family{std::string(row.name), std::string(row.help), type_of(row.kind), {}};
  Samples samples(row, family);
  row.read(scrape, samples);
  return family;
}

class ViewCollector final : public prometheus::Collectable {
 public:
  explicit ViewCollector(const MetricsContext& context) : context_(context) {}

  std::vector<MetricFamily> Collect() const override {
    const Scrape scrape = take_scrape(context_);
    std::vector<MetricFamily> families;
    families.reserve(metric_table().size());
    for (const MetricRow& row : metric_table()) {
      MetricFamily family = family_of(row, scrape);
      if (!family.metric.empty()) families.push_back(std::move(family));
    }
    return families;
  }

 private:
  const MetricsContext context_;
};

}  // namespace

std::shared_ptr<prometheus::Collectable> make_metrics_collector(const MetricsContext& context) {
  return std::make_shared<ViewCollector>(context);
}

std::string render_metrics(const MetricsContext& context) {
  return to_text(ViewCollector(context).Collect());
}

}  // namespace rpoguard::serve
