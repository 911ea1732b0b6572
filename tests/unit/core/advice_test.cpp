#include "exporter/core/tell/advice.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TEST(Advice, says_who_counts_and_why_another_does_not) {
  ShardSpec spec = make_spec();
  EXPECT_EQ(who_counts(spec),
            "phx-a counts; iad-a does not: it is in the writer's region; iad-b does not: it is in "
            "the writer's region");
  spec.nodes[kIadA].region = "IAD";
  EXPECT_EQ(
      who_counts(spec),
      "phx-a counts; iad-a does not: allowed_regions does not have IAD; iad-b does not: it is "
      "in the writer's region");
  spec.allowed_regions.emplace_back("IAD");
  spec.nodes[kIadB].region = "phx";
  spec.nodes[kIadB].durability_target = false;
  EXPECT_EQ(who_counts(spec), "iad-a, phx-a count; iad-b does not: durability_target is false");
  spec.nodes.resize(1);
  spec.nodes[0].region = "iad";
  EXPECT_EQ(who_counts(spec), "nothing counts; iad-a does not: it is in the writer's region");
  spec.archive.readable_from = {"iad", "phx"};
  EXPECT_EQ(who_counts(spec), "the archive counts; iad-a does not: it is in the writer's region");
}

TEST(Advice, doubts_that_regions_of_nearly_one_name_are_meant) {
  Spec spec;
  spec.shards = {make_spec(), make_spec()};
  EXPECT_EQ(doubts_about(spec), std::vector<std::string>{});
  spec.shards[1].nodes[kIadB].region = "IAD";
  spec.shards[0].archive.readable_from = {"us-east-1", "us-east1", "us-east-2"};
  EXPECT_EQ(doubts_about(spec),
            (std::vector<std::string>{
                "IAD and iad are different regions: a copy in one of them is remote from a writer "
                "in the other",
                "us-east-1 and us-east1 are different regions: a copy in one of them is remote "
                "from a writer in the other"}));
}

}  // namespace
}  // namespace rpoguard::core
