#include "exporter/serve/ops/view_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/serve/golden.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using nlohmann::json;

class ViewJson : public ::testing::Test {
 protected:
  json cluster(const core::View* view, const std::optional<std::string>& shard = std::nullopt) {
    return json::parse(serve::render_cluster_json(view, shard, clock_.now(), clock_.wall()));
  }

  VirtualClock clock_;
};

TEST_F(ViewJson, has_the_agreed_shape) {
  const std::string text =
      serve::render_view_json(*mixed_view(clock_.now()), clock_.now(), clock_.wall());
  const std::string actual = nlohmann::ordered_json::parse(text).dump(2) + "\n";
  EXPECT_EQ(actual, golden("view.json", actual));
}

TEST_F(ViewJson, the_cluster_of_no_view_is_empty_and_not_usable) {
  const json nothing = cluster(nullptr);
  EXPECT_EQ(nothing["writes_usable"], false);
  EXPECT_TRUE(nothing["writer"].is_null());
  EXPECT_EQ(nothing["shards"].size(), 0U);
}

TEST_F(ViewJson, one_unusable_shard_makes_the_cluster_unusable) {
  auto view = healthy_view(clock_.now(), 2);
  EXPECT_EQ(cluster(view.get())["writes_usable"], true);
  view->shards[1] = nullptr;
  EXPECT_EQ(cluster(view.get())["writes_usable"], false);
  EXPECT_EQ(cluster(view.get(), "s0")["writes_usable"], true);
}

TEST_F(ViewJson, what_was_said_at_the_evaluation_gives_way_to_what_holds_now) {
  const auto view = healthy_view(clock_.now());
  clock_.advance(4300ms);
  const json gate = cluster(view.get())["shards"][0]["gate"];
  EXPECT_EQ(gate["open"], false);
  EXPECT_EQ(gate["reason"], "rpo_exceeded");
  EXPECT_EQ(gate["detail"], meaning_of(core::Reason::rpo_exceeded));
  EXPECT_EQ(gate["open_for_ms"], 0);
}

TEST_F(ViewJson, unknown_is_null_and_never_a_number) {
  const auto view = mixed_view(clock_.now());
  const json broken = cluster(view.get())["shards"][1];
  for (const char* key : {"exposure_seconds", "budget_remaining_seconds", "writer", "waiver"}) {
    EXPECT_TRUE(broken.at(key).is_null()) << key;
  }
  const json silent = cluster(view.get())["shards"][2];
  EXPECT_EQ(silent["nodes"].size(), 3U);
  EXPECT_EQ(silent["nodes"][0]["state"], "unreachable");
  EXPECT_TRUE(silent["nodes"][0]["epoch"].is_null());
  EXPECT_TRUE(silent["highest_epoch"].is_null());
}

TEST_F(ViewJson, a_witness_or_endpoint_that_was_never_heard_of_knows_nothing) {
  auto view = mixed_view(clock_.now());
  view->shards[0] = nullptr;
  const json shard =
      json::parse(serve::render_view_json(*view, clock_.now(), clock_.wall()))["shards"][0];
  for (const char* key : {"epoch_witness", "generation_witness"}) {
    ASSERT_TRUE(shard.at(key).is_object()) << key;
    EXPECT_TRUE(shard[key]["number"].is_null()) << key;
  }
  EXPECT_TRUE(shard["endpoint"]["on_writer"].is_null());
  EXPECT_TRUE(shard["generation"].is_null());
  EXPECT_TRUE(shard["bootstrapped"].is_null());
}

TEST_F(ViewJson, says_whether_a_promised_synchronous_durability_is_required) {
  auto view = healthy_view(clock_.now());
  EXPECT_TRUE(cluster(view.get())["shards"][0]["synchronous"].is_null());
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->synchronous = {true, true, "synchronous_standby_names is empty on iad-a"};
  view->shards[0] = shard;
  json synchronous = cluster(view.get())["shards"][0]["synchronous"];
  EXPECT_EQ(synchronous["downgraded"], true);
  EXPECT_EQ(synchronous["problem"], "synchronous_standby_names is empty on iad-a");
  shard->writer.reset();
  EXPECT_TRUE(cluster(view.get())["shards"][0]["synchronous"]["downgraded"].is_null());
}

}  // namespace
}  // namespace rpoguard::test
