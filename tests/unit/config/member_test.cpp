#include "exporter/config/member.hpp"

#include <chrono>

namespace rpoguard::config {
namespace {

using namespace std::chrono_literals;
using core::ShardSpec;
using core::WitnessSpec;

template <typename Owner>
void set(Owner& owner, const Target& target, const Value& value, const Words& words = {}) {
  std::get<Setter<Owner>>(target.set)(owner, value, words);
}

TEST(ConfigMember, a_value_gets_into_the_member_at_the_end_of_its_path) {
  ShardSpec shard;
  set(shard, member<&ShardSpec::rpo>(), MaybeDuration(7s));
  set(shard, member<&ShardSpec::copies>(), std::int64_t{3});
  set(shard, member<&ShardSpec::gate, &core::GateSpec::shed_low_priority_at>(), 0.5);
  EXPECT_EQ(shard.rpo, core::Duration(7s));
  EXPECT_EQ(shard.copies, 3);
  EXPECT_EQ(shard.gate.shed_low_priority_at, 0.5);
}

TEST(ConfigMember, a_group_that_is_absent_comes_into_being) {
  ShardSpec shard;
  set(shard, member<&ShardSpec::epoch_witness, &WitnessSpec::url>(), std::string("http://m"));
  set(shard, member<&ShardSpec::epoch_witness, &WitnessSpec::pointer>(), std::string("/e"));
  ASSERT_TRUE(shard.epoch_witness);
  EXPECT_EQ(shard.epoch_witness->url + shard.epoch_witness->pointer, "http://m/e");
  EXPECT_FALSE(shard.generation_witness);
}

TEST(ConfigMember, words_become_enumerators) {
  using core::GateMode;
  const Words words = words_of(GateMode::enforce, GateMode::shadow, GateMode::off);
  EXPECT_EQ(value_as<GateMode>(std::string("off"), words), GateMode::off);
  EXPECT_EQ(value_as<GateMode>(std::string("enforce"), words), GateMode::enforce);
  EXPECT_EQ(value_as<std::string>(std::string("off"), words), "off");
}

TEST(ConfigMember, off_is_no_duration_and_no_address_is_no_listener) {
  EXPECT_EQ(value_as<MaybeDuration>(MaybeDuration(), {}), std::nullopt);
  EXPECT_EQ(value_as<MaybeDuration>(MaybeDuration(1s), {}), core::Duration(1s));
  const core::ListenSpec address{.host = "::", .port = 80};
  EXPECT_EQ(value_as<std::optional<core::ListenSpec>>(address, {}), address);
  EXPECT_EQ(value_as<std::optional<core::ListenSpec>>(core::ListenSpec{}, {}), std::nullopt);
}

TEST(ConfigMember, a_path_has_its_own_name) {
  EXPECT_EQ(member<&ShardSpec::rpo>().path, member_read_apart<&ShardSpec::rpo>().path);
  EXPECT_NE(member<&ShardSpec::rpo>().path, member<&ShardSpec::rto>().path);
  EXPECT_NE((member<&ShardSpec::epoch_witness, &WitnessSpec::url>().path),
            (member<&ShardSpec::generation_witness, &WitnessSpec::url>().path));
}

}  // namespace
}  // namespace rpoguard::config
