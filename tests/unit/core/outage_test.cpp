#include "exporter/core/judge/outage.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

TEST(Outage, before_the_first_usable_moment_is_shown_and_counts_as_none) {
  Outage outage = follow_outage({}, false, kStart);
  EXPECT_EQ(outage.since, kStart);
  outage = follow_outage(outage, true, kStart + seconds(3));
  EXPECT_FALSE(outage.since || outage.last);
}

TEST(Outage, lasts_from_its_first_look_to_the_first_good_one) {
  Outage outage = follow_outage({}, true, kStart);
  outage = follow_outage(outage, false, kStart + seconds(1));
  outage = follow_outage(outage, false, kStart + seconds(2));
  EXPECT_EQ(outage.since, kStart + seconds(1));
  outage = follow_outage(outage, true, kStart + seconds(4));
  EXPECT_FALSE(outage.since);
  EXPECT_EQ(outage.last, seconds(3));
}

}  // namespace
}  // namespace rpoguard::core
