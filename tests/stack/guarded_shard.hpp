// What the tests of proxies and of enforcement stand in front of.
#pragma once

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/shipped_file.hpp"

namespace rpoguard::test {

/// A shard whose gate closes soon after its link is cut, and the application in front of it.
struct GuardedShard {
  explicit GuardedShard(std::uint16_t agent_port = 0) {
    RpoguardConfig config = RegionPair::rpoguard_config({&shard});
    config.rpo = "2s";
    config.probe_interval = "300ms";
    config.probe_timeout = "250ms";
    config.defaults = "gate: {reopen_after: 1s}\n";
    if (agent_port != 0) config.agent = local_address(agent_port);
    rpoguard = std::make_unique<Rpoguard>(config);
    EXPECT_TRUE(starts_open(*rpoguard, std::chrono::seconds(30)));
  }

  RegionPair shard;
  std::unique_ptr<Rpoguard> rpoguard;
  JsonServer app{"{\"done\":true}"};
};

}  // namespace rpoguard::test
