#include "exporter/cli/order.hpp"

#include <gtest/gtest.h>

namespace rpoguard::cli {
namespace {

TEST(Order, path_has_each_parameter_that_has_a_value) {
  EXPECT_EQ(order_path("/-/x", {}), "/-/x");
  EXPECT_EQ(order_path("/-/x", {{"a", ""}, {"b", "1 & 2"}, {"c", ""}, {"d", "e"}}),
            "/-/x?b=1%20%26%202&d=e");
}

TEST(Order, is_given_by_whom_the_option_names_or_whoever_is_logged_in) {
  OrderOptions options;
  EXPECT_FALSE(who(options).empty());
  options.by = "jo";
  EXPECT_EQ(who(options), "jo");
}

TEST(Order, names_a_node_with_its_shard) {
  EXPECT_TRUE(names_node("184/phx-a"));
  EXPECT_TRUE(names_node("184/phx/a")) << "a name may have one";
  for (const char* text : {"", "184", "/", "184/", "/phx-a"})
    EXPECT_FALSE(names_node(text)) << text;
}

}  // namespace
}  // namespace rpoguard::cli
