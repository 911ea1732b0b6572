// Links that go down and up, between real servers: the gate may follow them only so often.
// RPOGUARD_FLAP_SECONDS=300 lengthens it.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kReopenAfter = 5s;
constexpr core::Duration kHalf = 1s;

core::Duration flapping_time() {
  const char* text = std::getenv("RPOGUARD_FLAP_SECONDS");
  return std::chrono::seconds(text == nullptr ? 60 : std::stoi(text));
}

/// A shard whose gate is watched while its link flaps.
struct Watched {
  std::string id;
  bool open = true;
  std::uint64_t seen = 0;
  double counted = 0;
};

double transitions(const Rpoguard& rpoguard, const std::string& shard) {
  double sum = 0;
  const Labels labels{{"shard", shard}};
  for (const Sample& each : rpoguard.metrics().all("rpoguard_gate_transitions_total", labels))
    sum += each.value;
  return sum;
}

/// Switches down and up for as long as configured, and holds what is seen and what is counted
/// against the bound.
void expect_no_flapping(const Rpoguard& rpoguard, std::vector<Watched>& shards,
                        const std::function<void(bool down)>& turn) {
  for (Watched& shard : shards) {
    ASSERT_TRUE(opens(rpoguard, 60s, shard.id));
    shard.counted = transitions(rpoguard, shard.id);
  }
  const core::Instant start = boottime();
  bool down = false;
  core::Instant next = start;
  ASSERT_TRUE(eventually(flapping_time() + 60s, [&] {
    if (boottime() >= next) turn(down = !down), next += kHalf;
    for (Watched& shard : shards) {
      if (rpoguard.gate_open(shard.id) == shard.open) continue;
      shard.open = !shard.open;
      ++shard.seen;
    }
    return boottime() - start >= flapping_time();
  }));
  const auto allowed = static_cast<std::uint64_t>((boottime() - start) / kReopenAfter) + 1;
  for (const Watched& shard : shards) {
    SCOPED_TRACE(shard.id);
    const double counted = transitions(rpoguard, shard.id) - shard.counted;
    EXPECT_LE(shard.seen, allowed) << rpoguard.log();
    EXPECT_LE(counted, static_cast<double>(allowed)) << rpoguard.log();
    std::printf("%s: %llu transitions seen, %.0f counted, %llu allowed\n", shard.id.c_str(),
                static_cast<unsigned long long>(shard.seen), counted,
                static_cast<unsigned long long>(allowed));
  }
  turn(false);
  for (const Watched& shard : shards) {
    EXPECT_TRUE(opens(rpoguard, 60s, shard.id));
  }
}

TEST(Flapping, of_the_link_between_the_regions_moves_the_gate_once_per_reopen_after) {
  RegionPair shard;
  RegionPair tight("tight");
  RpoguardConfig config = RegionPair::rpoguard_config({&shard, &tight});
  config.shards.back().extra = "rpo: 1s";  // every pause is too long for it
  config.probe_interval = "250ms";
  config.probe_timeout = "200ms";
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  const auto load = shard.gateway(rpoguard, 50);
  const auto tight_load = tight.gateway(rpoguard, 50);
  load->start();
  tight_load->start();
  std::vector<Watched> watched{{"184"}, {"tight"}};
  expect_no_flapping(rpoguard, watched, [&](bool down) {
    for (RegionPair* each : {&shard, &tight}) down ? each->cut_wan() : each->heal_wan();
  });
  EXPECT_GE(watched[1].seen, 1U) << "the gate has something to follow";
  EXPECT_GT(load->counters().acked, 100U);
}

TEST(Flapping, of_the_way_to_the_writer_moves_the_gate_once_per_reopen_after) {
  RegionPair shard;
  demo::Link silent({.target_port = shard.iad_a().port()});
  demo::Link refused({.target_port = shard.iad_a().port()});
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.shards.push_back(config.shards.front());
  config.shards[0].id = "silent";
  config.shards[0].nodes[0].port = silent.port();
  config.shards[1].id = "refused";
  config.shards[1].nodes[0].port = refused.port();
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  std::vector<Watched> watched{{"silent"}, {"refused"}};
  expect_no_flapping(rpoguard, watched, [&](bool down) {
    down ? silent.cut() : silent.heal();
    down ? refused.refuse() : refused.heal();
  });
  EXPECT_GE(watched[1].seen, 2U) << "the gate has something to follow";
}

}  // namespace
}  // namespace rpoguard::test
