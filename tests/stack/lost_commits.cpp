#include "tests/stack/lost_commits.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "tests/support/sql.hpp"

namespace rpoguard::test {

LostCommits lost_commits(const std::vector<demo::Commit>& acked, const std::string& conninfo) {
  std::set<std::string> kept;
  for (const SqlRow& row : Session(conninfo).rows("select token::text from ledger"))
    kept.insert(*row.front());
  LostCommits lost;
  std::optional<core::Instant> first;
  std::optional<core::Instant> last;
  for (const demo::Commit& commit : acked) {
    if (kept.contains(std::to_string(commit.token))) continue;
    ++lost.count;
    first = std::min(first.value_or(commit.acked), commit.acked);
    last = std::max(last.value_or(commit.acked), commit.acked);
  }
  if (first) lost.span = *last - *first;
  return lost;
}

}  // namespace rpoguard::test
