#include <cstdio>

#include "exporter/cli/commands.hpp"
#include "exporter/observe/postgres/migration.hpp"

namespace rpoguard::cli {

int print_sql(const std::string& role, const std::string& home_region, bool with_canary,
              bool with_marks) {
  if (!observe::is_plain_identifier(role)) {
    std::fprintf(
        stderr,
        "rpoguard sql: --role must be a plain identifier (a-z, 0-9, _; at most 63 bytes)\n");
    return 2;
  }
  if (!observe::is_role_name(role)) {
    std::fprintf(stderr,
                 "rpoguard sql: --role must name a role of rpoguard's own: public, none and pg_... "
                 "are PostgreSQL's\n");
    return 2;
  }
  if (home_region.empty()) {
    std::fprintf(stderr, "rpoguard sql: --home-region must not be empty\n");
    return 2;
  }
  const auto canary = with_canary ? observe::Canary::with_table : observe::Canary::without_table;
  const auto marks = with_marks ? observe::Marks::with_table : observe::Marks::without_table;
  std::fputs(observe::render_migration(role, home_region, canary, marks).c_str(), stdout);
  return 0;
}

}  // namespace rpoguard::cli
