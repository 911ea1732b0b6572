#include "exporter/observe/postgres/sql_text.hpp"

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

TEST(sql_text, every_mark_is_replaced_and_what_is_put_in_is_not_looked_at_again) {
  EXPECT_EQ(replaced("@a@, @a@ and @b@", "@a@", "x@a@"), "x@a@, x@a@ and @b@");
  EXPECT_EQ(replaced("nothing", "@a@", "x"), "nothing");
}

TEST(sql_text, no_text_leaves_its_quotes) {
  EXPECT_EQ(quoted_literal("iad"), "E'iad'");
  EXPECT_EQ(quoted_literal("a'; drop table t; --\\"), "E'a''; drop table t; --\\\\'");
}

}  // namespace
}  // namespace rpoguard::observe
