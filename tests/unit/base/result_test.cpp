#include "exporter/base/result.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

enum class Refusal { busy, gone };

Result<int> half(int number) {
  if (number % 2 != 0) return Error{"is odd", "take an even one"};
  return number / 2;
}

Result<void> demand(bool right) {
  if (!right) return Error{"is wrong"};
  return {};
}

TEST(Result, holds_a_value_or_an_error) {
  EXPECT_TRUE(half(4));
  EXPECT_EQ(half(4).value(), 2);
  EXPECT_FALSE(half(3).ok());
  EXPECT_EQ(half(3).error().message, "is odd");
  EXPECT_EQ(half(3).error().hint, "take an even one");
}

TEST(Result, without_a_value_says_only_whether_it_worked) {
  EXPECT_TRUE(demand(true));
  EXPECT_FALSE(demand(false).ok());
  EXPECT_EQ(demand(false).error().message, "is wrong");
  EXPECT_EQ(demand(false).error().hint, "");
}

TEST(Result, gives_a_value_away_that_cannot_be_copied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(Result, takes_an_error_of_another_type) {
  const Result<int, Refusal> refused = Refusal::gone;
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Refusal::gone);
  const Result<void, Refusal> busy = Refusal::busy;
  EXPECT_EQ(busy.error(), Refusal::busy);
}

}  // namespace
}  // namespace rpoguard::base
