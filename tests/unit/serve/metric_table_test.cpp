#include "exporter/serve/metrics/metric_table.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include <gtest/gtest.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "tests/unit/serve/rich_world.hpp"

namespace rpoguard::test {
namespace {

TEST(MetricTable, is_sorted_and_every_help_is_one_plain_sentence_or_more) {
  std::string_view previous;
  for (const serve::MetricRow& row : serve::metric_table()) {
    EXPECT_LT(previous, row.name);
    previous = row.name;
    EXPECT_TRUE(row.help.ends_with('.')) << row.name;
    EXPECT_EQ(row.help.find_first_of("\\\n"), std::string_view::npos) << row.name;
    EXPECT_EQ(row.name.ends_with("_total"), row.kind == serve::MetricKind::counter) << row.name;
  }
}

TEST(MetricTable, no_label_collides_with_those_of_targets) {
  const std::set<std::string_view> forbidden{"region",  "cluster", "zone",
                                             "service", "job",     "instance"};
  for (const serve::MetricRow& row : serve::metric_table()) {
    for (const std::string_view label : row.labels) {
      EXPECT_EQ(forbidden.count(label), 0U) << row.name << ' ' << label;
    }
  }
}

// A row whose reader finds nothing, or gives other labels than the row names, shows here.
TEST(MetricTable, every_row_has_a_sample_with_its_labels_when_everything_is_known) {
  const RichWorld world;
  const auto families = serve::make_metrics_collector(world.metrics_context())->Collect();
  ASSERT_EQ(families.size(), serve::metric_table().size());
  for (std::size_t i = 0; i < families.size(); ++i) {
    const serve::MetricRow& row = serve::metric_table()[i];
    ASSERT_EQ(families[i].name, row.name);
    EXPECT_EQ(families[i].help, row.help) << row.name;
    for (const prometheus::ClientMetric& sample : families[i].metric) {
      const auto named =
          std::ranges::count_if(row.labels, [](auto label) { return !label.empty(); });
      ASSERT_EQ(std::ssize(sample.label), named) << row.name;
      for (std::size_t label = 0; label < sample.label.size(); ++label)
        EXPECT_EQ(sample.label[label].name, row.labels.at(label)) << row.name;
    }
  }
}

}  // namespace
}  // namespace rpoguard::test
