// What a failover has cost: acknowledged commits against what the survivor has.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "demo/tools/gateway.hpp"

namespace rpoguard::test {

struct LostCommits {
  std::size_t count = 0;
  core::Duration span{};  ///< first to last acknowledgement that is lost
};

/// Of these acknowledged commits, those whose token is not in the ledger of the server.
LostCommits lost_commits(const std::vector<demo::Commit>& acked, const std::string& conninfo);

}  // namespace rpoguard::test
