// Our text writer beside prometheus-cpp's, over a page on which every row has samples.
#include "exporter/serve/metrics/metrics_text.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <sstream>
#include <string_view>

#include <gtest/gtest.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "tests/unit/serve/rich_world.hpp"

namespace rpoguard::test {
namespace {

using Lines = std::vector<std::string>;

Lines text_lines_of(const std::string& text) {
  Lines lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string_view series_of(std::string_view line) {
  return line.substr(0, line.rfind(' '));
}
std::string_view value_of(std::string_view line) {
  return line.substr(line.rfind(' ') + 1);
}
std::string_view name_of(std::string_view line) {
  return line.substr(0, line.find_first_of("{ "));
}

// First exception: prometheus-cpp writes count and sum of a histogram before its buckets; here the
// buckets come first, as in every example of the format's description.
Lines with_buckets_first(const Lines& lines) {
  Lines result;
  Lines late;
  for (const std::string& line : lines) {
    const bool bucket = name_of(line).ends_with("_bucket");
    if (!bucket && name_of(line).ends_with("_seconds_count")) {
      late = {line};
    } else if (!bucket && name_of(line).ends_with("_seconds_sum")) {
      late.insert(late.begin(), line);
    } else {
      result.push_back(line);
      if (!bucket || line.find("le=\"+Inf\"") == std::string::npos) continue;
      result.insert(result.end(), late.begin(), late.end());
    }
  }
  return result;
}

// Second exception: prometheus-cpp rounds to 16 digits, so that some numbers do not read back as
// they were, and writes out what an exponent makes shorter.
std::string with_16_digits(std::string_view value) {
  double number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.16g", number);
  return buffer.data();
}

class MetricsText : public ::testing::Test {
 protected:
  std::vector<prometheus::MetricFamily> families() const {
    return serve::make_metrics_collector(world_.metrics_context())->Collect();
  }
  RichWorld world_;
};

TEST_F(MetricsText, is_what_the_text_serializer_of_prometheus_cpp_writes) {
  const auto families = this->families();
  const Lines ours = text_lines_of(serve::to_text(families));
  const Lines theirs =
      with_buckets_first(text_lines_of(prometheus::TextSerializer().Serialize(families)));
  ASSERT_EQ(ours.size(), theirs.size());
  EXPECT_GT(ours.size(), 600U);
  std::size_t spelled_alike = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (ours[i] == theirs[i]) {
      ++spelled_alike;
      continue;
    }
    ASSERT_FALSE(ours[i].starts_with('#')) << ours[i] << '\n' << theirs[i];
    EXPECT_EQ(series_of(ours[i]), series_of(theirs[i]));
    EXPECT_EQ(with_16_digits(value_of(ours[i])), value_of(theirs[i])) << ours[i];
  }
  EXPECT_GT(spelled_alike, ours.size() - 10) << "the exceptions are few";
}

TEST_F(MetricsText, a_number_reads_back_as_it_was) {
  prometheus::MetricFamily family{"g", "A gauge.", prometheus::MetricType::Gauge, {}};
  for (const double value : {0.1 + 0.2, 1e5, 1.5e-7, 9007199254740993.0, -0.25}) {
    family.metric.emplace_back();
    family.metric.back().gauge.value = value;
  }
  EXPECT_EQ(serve::to_text({family}),
            "# HELP g A gauge.\n# TYPE g gauge\n"
            "g 0.30000000000000004\ng 1e+05\ng 1.5e-07\ng 9007199254740992\ng -0.25\n");
}

// Defects of prometheus-cpp 1.0.1 that no page of ours can run into: it writes a help text as it
// stands, where a line feed begins a line of its own, and "Nan" for what the format calls "NaN".
// metric_table_test.cpp sees to the help texts; a value that is not finite aborts the writer.
TEST_F(MetricsText, refuses_a_number_that_is_none) {
  prometheus::MetricFamily family{"g", "A gauge.", prometheus::MetricType::Gauge, {}};
  family.metric.emplace_back();
  family.metric.back().gauge.value = std::numeric_limits<double>::quiet_NaN();
  EXPECT_DEATH(serve::to_text({family}), "isfinite");
  EXPECT_NE(prometheus::TextSerializer().Serialize({family}).find(" Nan\n"), std::string::npos);
}

}  // namespace
}  // namespace rpoguard::test
