#include "exporter/core/judge/promise.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TEST(Promise, is_kept_for_an_rpo_from_the_recovery_point) {
  const Proof proof{.recovery_point = kStart};
  const Promise promise = keep_promise({}, make_spec(), proof, Copies(3), std::nullopt, {});
  EXPECT_EQ(promise.kept_until, kStart + seconds(5));
  EXPECT_FALSE(promise.synchronous.promised);
}

TEST(Promise, without_a_proof_is_unknown_whatever_it_was) {
  const Promise before{.kept_until = kStart, .synchronous_since = {}, .synchronous = {}};
  EXPECT_FALSE(keep_promise(before, make_spec(), {}, Copies(3), std::nullopt, {}).kept_until);
}

TEST(Promise, of_synchronous_copies_stands_without_a_writer_and_ends_with_another) {
  const Promise before{.kept_until = kStart, .synchronous_since = kStart, .synchronous = {}};
  for (const bool changed : {false, true}) {
    WalSource source;
    source.changed = changed;
    const Promise promise =
        keep_promise(before, make_spec(Duration{0}), {}, Copies(3), std::nullopt, source);
    EXPECT_EQ(promise.kept_until.has_value(), !changed);
    EXPECT_FALSE(promise.synchronous_since) << "who is not seen is not seen waiting";
    EXPECT_TRUE(promise.synchronous.promised);
  }
}

TEST(Promise, is_proven_for_a_writer_only_by_what_was_acknowledged_since_it_began) {
  const ShardSpec spec = make_spec();
  WalSource source;
  source.writer_since = kStart;
  const Instant now = kStart + seconds(2);
  EXPECT_TRUE(proven_for_this_writer(spec, {.recovery_point = kStart}, {}, source, now));
  EXPECT_FALSE(
      proven_for_this_writer(spec, {.recovery_point = kStart - Duration(1)}, {}, source, now));
  EXPECT_FALSE(proven_for_this_writer(spec, {}, {}, source, now));
  EXPECT_FALSE(
      proven_for_this_writer(spec, {.recovery_point = kStart}, {}, source, now + seconds(1)))
      << "the gate would not reopen at this exposure";
}

TEST(Promise, low_priority_is_refused_before_the_rpo_is_used_up) {
  EXPECT_EQ(shed_low_priority_from(make_spec(), {.recovery_point = kStart}), kStart + seconds(4));
  EXPECT_FALSE(shed_low_priority_from(make_spec(), {}));
  EXPECT_FALSE(shed_low_priority_from(make_spec(Duration{0}), {.recovery_point = kStart}));
}

}  // namespace
}  // namespace rpoguard::core
