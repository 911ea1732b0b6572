#include "exporter/core/tell/event.hpp"

#include <set>

#include <gtest/gtest.h>

namespace rpoguard::core {
namespace {

TEST(EventKind, has_one_name_each_and_comes_back_from_it) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kEventKindCount; ++i) {
    const auto kind = static_cast<EventKind>(i);
    EXPECT_TRUE(names.insert(name_of(kind)).second);
    EXPECT_EQ(parse_event_kind(name_of(kind)), kind);
    EXPECT_TRUE(is_told(kind));
  }
  EXPECT_EQ(parse_event_kind("gate_close"), std::nullopt);
  EXPECT_EQ(parse_event_kind(""), std::nullopt);
}

TEST(EventKind, that_only_the_log_knows_is_nothing_to_ask_for) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kEventKindCount + kLoggedKindCount; ++i) {
    const auto kind = static_cast<EventKind>(i);
    EXPECT_TRUE(names.insert(name_of(kind)).second);
    if (i < kEventKindCount) continue;
    EXPECT_FALSE(is_told(kind));
    EXPECT_NE(row_of(kind).title, nullptr) << "nobody would hear of " << name_of(kind);
    EXPECT_EQ(parse_event_kind(name_of(kind)), std::nullopt);
  }
}

}  // namespace
}  // namespace rpoguard::core
