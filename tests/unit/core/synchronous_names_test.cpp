#include "exporter/core/judge/synchronous_names.hpp"

#include <array>

#include <gtest/gtest.h>

namespace rpoguard::core {
namespace {

using Method = SynchronousNames::Method;

struct Good {
  const char* text;
  SynchronousNames names;
};

TEST(SynchronousNames, are_read_as_postgresql_reads_them) {
  const std::array rows{
      Good{"", {Method::first, 0, {}}},
      Good{" \t\n", {Method::first, 0, {}}},
      Good{"s1", {Method::first, 1, {"s1"}}},
      Good{"\"phx-a\"", {Method::first, 1, {"phx-a"}}},
      Good{"\"a\"\"b\"", {Method::first, 1, {"a\"b"}}},
      Good{"*", {Method::first, 1, {"*"}}},
      Good{"s1, s2,s3", {Method::first, 1, {"s1", "s2", "s3"}}},
      Good{"2 (s1, s2)", {Method::first, 2, {"s1", "s2"}}},
      Good{"2(s1)", {Method::first, 2, {"s1"}}},
      Good{"FIRST 2 (s1, \"s 2\")", {Method::first, 2, {"s1", "s 2"}}},
      Good{"any 1 (*)", {Method::any, 1, {"*"}}},
      Good{"Any 2 (a, b, 3)", {Method::any, 2, {"a", "b", "3"}}},
      Good{"7", {Method::first, 1, {"7"}}},
      Good{"7, s1", {Method::first, 1, {"7", "s1"}}},
      Good{"\"any\"", {Method::first, 1, {"any"}}},
      Good{"anyone, first_b", {Method::first, 1, {"anyone", "first_b"}}},
      Good{"\xc3\xa9t\xc3\xa9$1", {Method::first, 1, {"\xc3\xa9t\xc3\xa9$1"}}},
  };
  for (const Good& row : rows) EXPECT_EQ(parse_synchronous_names(row.text), row.names) << row.text;
}

TEST(SynchronousNames, what_postgresql_refuses_is_refused) {
  for (const char* text : {"phx-a",         "s1 s2",     "s1,",      ",s1",     "ANY",
                           "ANY s1",        "ANY 1",     "ANY 1 s1", "FIRST 1", "first (s1)",
                           "2 (s1",         "2 s1)",     "(s1)",     "2 ()",    "2 (s1) s2",
                           "0 (s1)",        "\"open",    "s1;",      "-1 (s1)", "99999999999 (s1)",
                           "ANY 1, 2 (s1)", "1, 2 (s1)", "s1 (s2)"}) {
    EXPECT_FALSE(parse_synchronous_names(text)) << text;
  }
}

TEST(SynchronousNames, hold_a_name_without_regard_to_case_and_a_star_holds_all) {
  const auto names = parse_synchronous_names("Phx_A, \"iad-b\"");
  EXPECT_TRUE(names->holds("phx_a"));
  EXPECT_TRUE(names->holds("IAD-B"));
  EXPECT_FALSE(names->holds("phx_b"));
  EXPECT_FALSE(names->holds("phx_a2"));
  EXPECT_TRUE(parse_synchronous_names("*")->holds("anybody"));
  EXPECT_FALSE(parse_synchronous_names("")->holds(""));
}

}  // namespace
}  // namespace rpoguard::core
