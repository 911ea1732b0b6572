#include "exporter/observe/postgres/sql_text.hpp"

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

TEST(sql_text, no_text_leaves_its_quotes) {
  EXPECT_EQ(quoted_literal("iad"), "E'iad'");
  EXPECT_EQ(quoted_literal("a'; drop table t; --\\"), "E'a''; drop table t; --\\\\'");
}

}  // namespace
}  // namespace rpoguard::observe
