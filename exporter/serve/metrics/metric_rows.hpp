// How a row of the metric table is written. `read` is made from a function of one subject:
//
//   each_shard([](const ShardScrape& shard) { return shard.view.highest_epoch; })
//
// gives the shard one sample, or none while the value is unknown; and
//
//   each_shard([](const ShardScrape& shard, SamplesOf& add) { add({"open"}, shard.answers.open); })
//
// gives it one for each call of add, with the labels that follow the shard's. The functions capture
// nothing.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <type_traits>

#include "exporter/base/utf8.hpp"
#include "exporter/serve/metrics/metric_row.hpp"
#include "exporter/serve/metrics/metrics_samples.hpp"
#include "exporter/serve/metrics/metrics_scrape.hpp"

namespace rpoguard::serve {

template <typename Read, typename Subject>
void read_subject(const Subject& subject, SamplesOf add) {
  if constexpr (std::is_invocable_v<Read, const Subject&, SamplesOf&>) {
    Read{}(subject, add);
  } else {
    add({}, Read{}(subject));
  }
}

/// Of the process: no labels of its own.
template <typename Read>
constexpr auto once(Read) {
  return +[](const Scrape& scrape, Samples& samples) { read_subject<Read>(scrape, {samples, {}}); };
}

/// Labels: hook.
template <typename Read>
constexpr auto each_hook(Read) {
  return +[](const Scrape& scrape, Samples& samples) {
    for (const core::HookStats& hook : scrape.hooks)
      read_subject<Read>(hook, {samples, {base::sanitize_utf8(hook.name)}});
  };
}

/// Labels: listener.
template <typename Read>
constexpr auto each_listener(Read) {
  return +[](const Scrape& scrape, Samples& samples) {
    for (const WebStats& web : scrape.listeners) read_subject<Read>(web, {samples, {web.listener}});
  };
}

/// Labels: shard.
template <typename Read>
constexpr auto each_shard(Read) {
  return +[](const Scrape& scrape, Samples& samples) {
    samples.expect(scrape.shards.size());
    for (const ShardScrape& shard : scrape.shards) read_subject<Read>(shard, {samples, {shard.id}});
  };
}

/// Labels: shard, node.
template <typename Read>
constexpr auto each_node(Read) {
  return +[](const Scrape& scrape, Samples& samples) {
    samples.expect(scrape.shards.size());
    for (const ShardScrape& shard : scrape.shards) {
      for (const NodeScrape& node : shard.nodes)
        read_subject<Read>(node, {samples, {shard.id, node.name}});
    }
  };
}

/// Calls visit with each value of an enumeration that has `count` of them.
template <typename Enum, typename Visit>
void for_each_value(std::size_t count, Visit visit) {
  for (std::size_t i = 0; i < count; ++i) visit(static_cast<Enum>(i));
}

/// No row is there twice, and a reader finds it.
constexpr bool is_sorted_by_name(std::span<const MetricRow> rows) {
  return std::ranges::adjacent_find(rows, std::greater_equal{}, &MetricRow::name) == rows.end();
}

std::span<const MetricRow> process_rows();
std::span<const MetricRow> shard_rows();
std::span<const MetricRow> archive_rows();
std::span<const MetricRow> node_rows();

}  // namespace rpoguard::serve
