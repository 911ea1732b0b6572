#include <cstdio>
#include <optional>

#include "exporter/cli/commands.hpp"
#include "exporter/config/keys.hpp"
#include "exporter/config/value.hpp"
#include "exporter/observe/postgres/migration.hpp"

namespace rpoguard::cli {

namespace {

// A stamp of a region that no configuration can name would never be home. nullopt: it can.
std::optional<base::Error> problem_of_region(const std::string& region) {
  const auto parsed = config::parse_value(config::key_of<&core::ShardSpec::home_region>(),
                                          {config::Node::Kind::quoted, {}, region});
  if (parsed) return std::nullopt;
  return parsed.error();
}

}  // namespace

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
  if (const auto problem = problem_of_region(home_region)) {
    std::fprintf(stderr, "rpoguard sql: --home-region %s\n", problem->message.c_str());
    return 2;
  }
  const auto canary = with_canary ? observe::Canary::with_table : observe::Canary::without_table;
  const auto marks = with_marks ? observe::Marks::with_table : observe::Marks::without_table;
  std::fputs(observe::render_migration(role, home_region, canary, marks).c_str(), stdout);
  return 0;
}

}  // namespace rpoguard::cli
