#include "exporter/cli/view_reader.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "exporter/core/tell/remark.hpp"
#include "exporter/serve/ops/view_json.hpp"

#include "tests/unit/serve/views.hpp"

namespace rpoguard::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::vector<std::string> lines(const std::vector<core::Remark>& remarks) {
  std::vector<std::string> texts;
  for (const core::Remark& remark : remarks) texts.push_back(core::render_remark(remark));
  return texts;
}

// What the status page says of the view, and what the table says of its JSON.
void expect_same_remarks(const core::View& view, const test::VirtualClock& clock) {
  const json read = json::parse(serve::render_view_json(view, clock.now(), clock.wall()));
  const AnswerTime at = read_answer_time(read);
  for (std::size_t i = 0; i < view.shards.size(); ++i) {
    if (!view.shards[i]) continue;
    const core::ShardView& shard = *view.shards[i];
    const json& said = read["shards"][i];
    EXPECT_EQ(lines(core::remarks_of(read_shard(said, at), at.now)),
              lines(core::remarks_of(shard, clock.now())));
    for (std::size_t n = 0; n < shard.nodes.size(); ++n) {
      core::NodeView node = shard.nodes[n];
      if (node.failure) node.failure->message = said["nodes"][n]["failure"]["message"];
      EXPECT_EQ(lines(core::remarks_of(read_node(said["nodes"][n]))),
                lines(core::remarks_of(node)));
    }
  }
}

TEST(ViewReader, has_the_same_remarks_as_the_view_itself) {
  const test::VirtualClock clock;
  const auto view = test::mixed_view(clock.now());
  expect_same_remarks(*view, clock);
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->bootstrapped = true;
  shard->stamp_statements = {"select rpoguard.cluster_promote('phx', 'YOUR NAME', above => 7)"};
  shard->synchronous = {true, true, "nobody waits"};
  shard->freeze = core::Freeze{"jo", "a move", clock.wall(), clock.wall() + 90min};
  shard->waiver = core::WaiverView{clock.now() + 110s, "epoch 8"};
  shard->epoch_witness = core::WitnessView{{}, "", clock.now() - 150s, std::nullopt};
  view->shards[0] = shard;
  expect_same_remarks(*view, clock);
}

TEST(ViewReader, takes_what_is_missing_for_unknown) {
  const core::ShardView shard = read_shard(json::object(), {});
  EXPECT_EQ(core::remarks_of(shard, core::Instant{}), std::vector<core::Remark>{});
  EXPECT_EQ(read_seconds(nullptr), std::nullopt);
  EXPECT_EQ(read_seconds(1.5), core::Duration(1500ms));
  EXPECT_GT(read_seconds(1e300), core::Duration(24h));
  EXPECT_EQ(read_answer_time({{"now", "yesterday"}}).wall, std::nullopt);
  EXPECT_EQ(read_answer_time({{"now", "2026-01-01T00:00:00.+00Z"}}).wall, std::nullopt);
}

TEST(ViewReader, says_a_reason_that_it_does_not_know_in_the_message) {
  const core::NodeView node =
      read_node({{"failure", {{"reason", "on_fire"}, {"message", "it burns"}}}});
  ASSERT_TRUE(node.failure);
  EXPECT_EQ(node.failure->message, "on_fire, it burns");
}

TEST(ViewReader, takes_a_lineage_that_it_does_not_know_for_unknown) {
  EXPECT_EQ(read_node({{"lineage", "follows"}}).lineage, core::Lineage::follows);
  EXPECT_EQ(read_node({{"lineage", "sideways"}}).lineage, core::Lineage::unknown);
  EXPECT_EQ(read_node({{"lineage", nullptr}}).lineage, std::nullopt);
}

TEST(ViewReader, refuses_members_of_another_type) {
  EXPECT_THROW(read_shard({{"stamp_statements", {7}}}, {}), json::exception);
  EXPECT_THROW(read_seconds("soon"), json::exception);
  EXPECT_THROW(read_node({{"note", 7}}), json::exception);
}

}  // namespace
}  // namespace rpoguard::cli
