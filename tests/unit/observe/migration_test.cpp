#include "exporter/observe/postgres/migration.hpp"

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

TEST(migration, a_region_cannot_leave_its_quotes) {
  const std::string script = render_migration("rpoguard", "a'; drop table t; --\\");
  EXPECT_NE(script.find("values (1, E'a''; drop table t; --\\\\')"), std::string::npos) << script;
}

TEST(migration, a_region_is_not_expanded_again) {
  EXPECT_NE(render_migration("rg", "@role@@region@").find("E'@role@@region@'"), std::string::npos);
}

TEST(migration, no_mark_is_left) {
  for (const auto canary : {Canary::without_table, Canary::with_table})
    EXPECT_EQ(render_migration("rg", "iad", canary).find('@'), std::string::npos);
}

TEST(migration_death, a_role_that_needs_quoting_is_a_bug_of_the_caller) {
  for (const char* role : {"", "Upper", "1st", "a b", "a\"b", "a'b"})
    EXPECT_DEATH(render_migration(role, "iad"), "is_plain_identifier") << role;
  EXPECT_DEATH(render_migration(std::string(64, 'a'), "iad"), "is_plain_identifier");
}

}  // namespace
}  // namespace rpoguard::observe
