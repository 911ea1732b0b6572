#include "exporter/observe/postgres/migration.hpp"

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

TEST(migration, a_region_cannot_leave_its_quotes) {
  const std::string script = render_migration("rpoguard", "a'; drop table t; --\\");
  EXPECT_NE(script.find("values (1, E'a''; drop table t; --\\\\', 1,\n"), std::string::npos)
      << script;
}

TEST(migration, a_region_is_not_expanded_again) {
  EXPECT_NE(render_migration("rg", "@role@@region@").find("E'@role@@region@'"), std::string::npos);
}

TEST(migration, no_mark_is_left) {
  for (const auto canary : {Canary::without_table, Canary::with_table}) {
    for (const auto marks : {Marks::without_table, Marks::with_table})
      EXPECT_EQ(render_migration("rg", "iad", canary, marks).find('@'), std::string::npos);
  }
}

TEST(migration, says_what_the_role_may_write) {
  const auto says = [](Canary canary, Marks marks, const std::string& text) {
    return render_migration("rg", "iad", canary, marks).find(text + "),\n") != std::string::npos;
  };
  EXPECT_TRUE(says(Canary::without_table, Marks::without_table, "one table; it writes nothing"));
  EXPECT_TRUE(
      says(Canary::with_table, Marks::without_table, "one table; it writes only rpoguard.canary"));
  EXPECT_TRUE(says(Canary::without_table, Marks::with_table,
                   "two tables and a sequence; it writes only by rpoguard.mark_run()"));
  EXPECT_TRUE(says(Canary::with_table, Marks::with_table,
                   "it writes only rpoguard.canary, and by rpoguard.mark_run()"));
}

TEST(migration, knows_nothing_of_marks_without_the_flag) {
  const std::string script = render_migration("rg", "iad", Canary::with_table);
  for (const char* word : {"run_mark", "run_seal", "mark_run", "drop table", "drop sequence"})
    EXPECT_EQ(script.find(word), std::string::npos) << word;
}

// PostgreSQL takes "public" for everybody even in quotes.
TEST(migration, a_role_is_nobody_elses) {
  for (const char* role : {"public", "none", "pg_monitor", "pg_x", "pg_", "Upper", ""})
    EXPECT_FALSE(is_role_name(role)) << role;
  for (const char* role : {"rpoguard", "pgbouncer", "pg", "publican", "nones", "_pg_x"})
    EXPECT_TRUE(is_role_name(role)) << role;
}

TEST(migration_death, a_role_that_needs_quoting_is_a_bug_of_the_caller) {
  for (const char* role : {"", "Upper", "1st", "a b", "a\"b", "a'b"})
    EXPECT_DEATH(render_migration(role, "iad"), "is_role_name") << role;
  EXPECT_DEATH(render_migration(std::string(64, 'a'), "iad"), "is_role_name");
}

}  // namespace
}  // namespace rpoguard::observe
