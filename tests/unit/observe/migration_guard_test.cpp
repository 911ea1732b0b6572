#include "exporter/observe/postgres/migration_guard.hpp"

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

TEST(MigrationGuard, knows_of_marks_only_where_the_script_makes_them) {
  for (const char* name : {"'run_mark'", "'run_seal'", "'mark_run'"}) {
    EXPECT_NE(migration_guard(true).find(name), std::string::npos) << name;
    EXPECT_EQ(migration_guard(false).find(name), std::string::npos) << name;
  }
  for (const bool with_marks : {true, false}) {
    const std::string guard = migration_guard(with_marks);
    for (const char* name :
         {"'cluster_state'", "'canary'", "'cluster_promote'", "'timeline_history'"})
      EXPECT_NE(guard.find(name), std::string::npos) << name;
    EXPECT_EQ(guard.find('@'), std::string::npos) << "a mark is left";
  }
}

}  // namespace
}  // namespace rpoguard::observe
