#include "exporter/core/model/part.hpp"

#include <cstdlib>
#include <vector>

namespace rpoguard::core {
namespace {

constexpr std::uint32_t kPartsMax = 16;

std::vector<std::string> many_ids() {
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(std::to_string(i));
  return ids;
}

std::vector<ShardSpec> many_shards() {
  std::vector<ShardSpec> shards;
  for (const std::string& id : many_ids()) shards.emplace_back().id = id;
  return shards;
}

TEST(CorePart, is_read_from_index_and_count) {
  EXPECT_EQ(parse_part("0/1").value(), (Part{0, 1}));
  EXPECT_EQ(parse_part("2/5").value(), (Part{2, 5}));
  EXPECT_EQ(parse_part("999/1000").value(), (Part{999, 1000}));
}

TEST(CorePart, everything_else_is_refused_with_its_reason) {
  for (const char* text : {"", "/", "1", "1/", "/2", "-1/2", "+1/2", "1/2/3", " 1/2", "1/2 ", "a/2",
                           "1/0x2", "rpoguard-1/2", "1/4294967296"}) {
    ASSERT_FALSE(parse_part(text).ok()) << text;
    EXPECT_EQ(parse_part(text).error().message, "is not INDEX/COUNT") << text;
  }
  EXPECT_EQ(parse_part("0/0").error().message, "COUNT is not in 1..1000");
  EXPECT_EQ(parse_part("0/1001").error().message, "COUNT is not in 1..1000");
  EXPECT_EQ(parse_part("5/5").error().message, "INDEX is not below COUNT");
}

TEST(CorePart, every_shard_is_watched_by_exactly_one_of_them) {
  Spec all;
  all.shards = many_shards();
  for (std::uint32_t count = 1; count <= kPartsMax; ++count) {
    std::size_t watched = 0;
    for (std::uint32_t index = 0; index < count; ++index) {
      Spec spec = all;
      keep_part(spec, {index, count});
      for (const ShardSpec& shard : spec.shards) EXPECT_EQ(index_of_part(shard.id, count), index);
      watched += spec.shards.size();
    }
    EXPECT_EQ(watched, all.shards.size()) << count;
  }
}

TEST(CorePart, an_added_part_takes_its_share_and_moves_nothing_else) {
  for (std::uint32_t count = 1; count < kPartsMax; ++count) {
    double moved = 0;
    for (const std::string& id : many_ids()) {
      const std::uint32_t before = index_of_part(id, count);
      const std::uint32_t after = index_of_part(id, count + 1);
      if (after == before) continue;
      EXPECT_EQ(after, count) << id;
      ++moved;
    }
    const double share = 1000.0 / (count + 1);
    EXPECT_GT(moved, share * 0.6) << count;
    EXPECT_LT(moved, share * 1.4) << count;
  }
}

// Two versions of rpoguard run side by side during an upgrade.
TEST(CorePart, the_choice_never_changes) {
  std::vector<std::uint32_t> chosen;
  for (const char* id : {"184", "185", "eu-1", "eu-2", "orders"}) {
    chosen.push_back(index_of_part(id, 3));
  }
  EXPECT_EQ(chosen, (std::vector<std::uint32_t>{0, 2, 0, 1, 0}));
}

TEST(CorePart, order_and_everything_else_of_the_configuration_stay) {
  Spec spec;
  spec.state_dir = "/state";
  spec.shards = many_shards();
  keep_part(spec, {1, 3});
  EXPECT_EQ(spec.state_dir, "/state");
  ASSERT_GT(spec.shards.size(), 1u);
  for (std::size_t i = 1; i < spec.shards.size(); ++i) {
    EXPECT_LT(std::atoi(spec.shards[i - 1].id.c_str()), std::atoi(spec.shards[i].id.c_str()));
  }
}

}  // namespace
}  // namespace rpoguard::core
