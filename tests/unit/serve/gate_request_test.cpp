#include "exporter/serve/gate/gate_request.hpp"

#include <gtest/gtest.h>

namespace rpoguard::serve {
namespace {

struct Row {
  const char* name;
  HttpQuery query;
  HttpHeaders headers;
  std::optional<std::int64_t> epoch;
  std::optional<std::int64_t> generation;
  bool low_priority;
};

TEST(GateRequest, is_read_from_query_and_headers) {
  const std::vector<Row> rows{
      {"nothing", {}, {}, std::nullopt, std::nullopt, false},
      {"epoch", {{"epoch", "7"}}, {}, 7, std::nullopt, false},
      {"zero", {{"epoch", "0"}}, {}, 0, std::nullopt, false},
      {"largest", {{"epoch", "9223372036854775807"}}, {}, INT64_MAX, std::nullopt, false},
      {"generation", {{"generation", "12"}}, {}, std::nullopt, 12, false},
      {"low", {{"priority", "low"}}, {}, std::nullopt, std::nullopt, true},
      {"high", {{"priority", "high"}}, {}, std::nullopt, std::nullopt, false},
      {"others are none of our business", {{"q", "x"}}, {{"host", "x"}}, {}, {}, false},
      {"headers",
       {},
       {{"rpoguard-epoch", "7"}, {"rpoguard-generation", "1"}, {"rpoguard-priority", "low"}},
       7,
       1,
       true},
      {"both agree", {{"epoch", "7"}}, {{"rpoguard-epoch", "7"}}, 7, std::nullopt, false},
  };
  for (const Row& row : rows) {
    const auto parsed = parse_gate_request(row.query, row.headers);
    ASSERT_TRUE(parsed.ok()) << row.name << ": " << parsed.error().message;
    const auto epoch = parsed.value().epoch.value_or(core::Epoch{-1});
    EXPECT_EQ(epoch.value, row.epoch.value_or(-1)) << row.name;
    EXPECT_EQ(parsed.value().generation, row.generation) << row.name;
    EXPECT_EQ(parsed.value().low_priority, row.low_priority) << row.name;
  }
}

TEST(GateRequest, the_history_is_read_from_query_and_headers) {
  const auto by_query =
      parse_gate_request({{"epoch", "7"}, {"timeline", "3"}, {"writer", "iad-a"}}, {});
  ASSERT_TRUE(by_query.ok()) << by_query.error().message;
  EXPECT_EQ(by_query.value().epoch, core::Epoch{7});
  EXPECT_EQ(by_query.value().timeline, core::Timeline{3});
  EXPECT_EQ(by_query.value().writer, "iad-a");
  const auto by_header = parse_gate_request(
      {{"timeline", "4294967295"}},
      {{"rpoguard-timeline", "4294967295"}, {"rpoguard-writer", std::string(63, 'a')}});
  ASSERT_TRUE(by_header.ok()) << by_header.error().message;
  EXPECT_EQ(by_header.value().timeline, core::Timeline{4'294'967'295});
  EXPECT_EQ(by_header.value().writer, std::string(63, 'a'));
  const auto nothing = parse_gate_request({}, {});
  EXPECT_FALSE(nothing.value().timeline || nothing.value().writer);
}

TEST(GateRequest, an_error_names_the_field) {
  const auto problem_of = [](const HttpQuery& query, const HttpHeaders& headers = {}) {
    return parse_gate_request(query, headers).error().message;
  };
  EXPECT_EQ(problem_of({{"epoch", "7"}, {"epoch", "7"}}), "epoch is given more than once");
  EXPECT_EQ(problem_of({{"epoch", "7"}}, {{"rpoguard-epoch", "6"}}),
            "epoch of the query contradicts the header rpoguard-epoch");
  EXPECT_EQ(problem_of({{"generation", "1.5"}}), "generation must be a whole number, 0 or greater");
  for (const char* timeline : {"", "0", "-1", "+3", "3 ", "0x3", "4294967296", "iad-a"}) {
    EXPECT_EQ(problem_of({{"timeline", timeline}}),
              "timeline must be a whole number from 1 to 4294967295")
        << timeline;
  }
  EXPECT_EQ(problem_of({{"timeline", "3"}, {"timeline", "3"}}), "timeline is given more than once");
  EXPECT_EQ(problem_of({{"timeline", "3"}}, {{"rpoguard-timeline", "03"}}),
            "timeline of the query contradicts the header rpoguard-timeline");
  EXPECT_EQ(problem_of({{"writer", ""}}), "writer must be the name of a node");
  EXPECT_EQ(problem_of({}, {{"rpoguard-writer", std::string(64, 'a')}}),
            "writer must be the name of a node");
  EXPECT_EQ(problem_of({{"writer", "iad-a"}}, {{"rpoguard-writer", "iad-b"}}),
            "writer of the query contradicts the header rpoguard-writer");
  EXPECT_EQ(problem_of({{"priority", ""}}), "priority must be low, normal or high");
}

TEST(GateRequest, a_slip_of_the_keyboard_is_not_let_in_unfenced) {
  for (const char* name : {"epochs", "epoc", "poch", "eposh", "eopch", "Epochs", "timelines",
                           "write", "generations", "prioritiy"})
    EXPECT_FALSE(parse_gate_request({{name, "7"}}, {}).ok()) << name;
  for (const char* name :
       {"rpoguard-epochs", "rpoguard-epoc", "rpoguardepoch", "rpogaurd-epoch", "rpoguard-writers"})
    EXPECT_FALSE(parse_gate_request({}, {{name, "7"}}).ok()) << name;
  for (const char* name : {"", "e", "q", "eoch7", "hcope", "time", "line", "rite", "gen"})
    EXPECT_TRUE(parse_gate_request({{name, "7"}}, {}).ok()) << name;
}

}  // namespace
}  // namespace rpoguard::serve
