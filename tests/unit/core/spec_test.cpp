#include "exporter/core/model/spec.hpp"

#include <gtest/gtest.h>

namespace rpoguard::core {
namespace {

TEST(Spec, finds_a_shard_by_its_id) {
  Spec spec;
  EXPECT_EQ(find_shard(spec, "184"), std::nullopt);
  for (const char* id : {"183", "184"}) spec.shards.emplace_back().id = id;
  EXPECT_EQ(find_shard(spec, "184"), 1U);
  EXPECT_EQ(find_shard(spec, "18"), std::nullopt);
}

}  // namespace
}  // namespace rpoguard::core
