#include <algorithm>
#include <cstdio>

#include "exporter/cli/commands.hpp"
#include "exporter/observe/postgres/migration.hpp"

namespace rpoguard::cli {
namespace {

// A PostgreSQL identifier that needs no quotes: it is printed into the script as it is.
bool plain_identifier(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.size() <= 63 && !(name.front() >= '0' && name.front() <= '9') &&
         std::ranges::all_of(name, allowed);
}

}  // namespace

int print_sql(const std::string& role, const std::string& home_region, bool with_canary) {
  if (!plain_identifier(role)) {
    std::fprintf(
        stderr,
        "rpoguard sql: --role must be a plain identifier (a-z, 0-9, _; at most 63 bytes)\n");
    return 2;
  }
  if (home_region.empty()) {
    std::fprintf(stderr, "rpoguard sql: --home-region must not be empty\n");
    return 2;
  }
  const auto canary = with_canary ? observe::Canary::with_table : observe::Canary::without_table;
  std::fputs(observe::render_migration(role, home_region, canary).c_str(), stdout);
  return 0;
}

}  // namespace rpoguard::cli
