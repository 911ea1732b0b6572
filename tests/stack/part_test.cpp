// `rpoguard serve --part`: several of them share one configuration. No server answers, and none is
// needed: the question is who looks after which shard.
#include "exporter/core/model/part.hpp"

#include <memory>

#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {
namespace {

constexpr std::uint32_t kParts = 3;

RpoguardConfig config_of_part(const std::vector<std::string>& ids, std::uint32_t index) {
  RpoguardConfig config;
  for (const std::string& id : ids) {
    config.shards.push_back({.id = id,
                             .nodes = {{.name = "iad-a", .region = "iad", .port = free_port()},
                                       {.name = "phx-a", .region = "phx", .port = free_port()}}});
  }
  config.env["RPOGUARD_PART"] = std::to_string(index) + "/" + std::to_string(kParts);
  return config;
}

int code(const std::optional<HttpReply>& reply) {
  return reply ? reply->status : 0;
}

TEST(Parts, each_shard_is_answered_for_by_one_of_three) {
  const std::vector<std::string> ids = {"184", "185", "186", "187", "188", "189"};
  for (std::uint32_t index = 0; index < kParts; ++index) {
    Rpoguard rpoguard(config_of_part(ids, index));
    rpoguard.wait_until_serving();
    for (const std::string& id : ids) {
      const bool mine = core::index_of_part(id, kParts) == index;
      EXPECT_EQ(code(rpoguard.gate("/gate/" + id)), mine ? 503 : 404) << id << " at " << index;
      EXPECT_EQ(rpoguard.metric("rpoguard_gate_open", {{"shard", id}}).has_value(), mine) << id;
    }
  }
}

TEST(Parts, a_reload_keeps_to_the_part) {
  const std::uint32_t index = core::index_of_part("184", kParts);
  RpoguardConfig config = config_of_part({"184"}, index);
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  std::string other = "1";
  while (core::index_of_part(other, kParts) == index) other += "1";
  std::string same = "2";
  while (core::index_of_part(same, kParts) != index) same += "2";
  config.shards = config_of_part({other, same}, index).shards;
  rpoguard.write_config(config);
  rpoguard.sighup();
  EXPECT_TRUE(eventually(std::chrono::seconds(30),
                         [&] { return code(rpoguard.gate("/gate/" + same)) == 503; }));
  EXPECT_EQ(code(rpoguard.gate("/gate/" + other)), 404);
  EXPECT_EQ(code(rpoguard.gate("/gate/184")), 404);
}

// Nothing to watch is no failure of that rpoguard, and no promise about writes either.
TEST(Parts, one_without_a_shard_is_ready_but_takes_no_writes) {
  const std::uint32_t index = (core::index_of_part("184", kParts) + 1) % kParts;
  Rpoguard rpoguard(config_of_part({"184"}, index));
  rpoguard.wait_until_serving();
  EXPECT_EQ(code(rpoguard.ops("/readyz")), 200);
  EXPECT_EQ(code(rpoguard.ops("/readyz?require=writes")), 503);
  EXPECT_FALSE(rpoguard.ops_json("/readyz")["cluster"]["writes_usable"].get<bool>());
}

}  // namespace
}  // namespace rpoguard::test
