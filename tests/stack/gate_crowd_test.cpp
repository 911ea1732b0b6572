// The program's gate among hundreds of clients that only keep it busy.
#include "tests/wire/gate_crowd.hpp"

#include <cstdio>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using namespace http;

constexpr int kRounds = 20;
constexpr std::string_view kRequest = "GET /gate/184 HTTP/1.1\r\nHost: x\r\n\r\n";

bool answers_within(std::uint16_t port, const std::string& path, std::chrono::milliseconds bound) {
  const Stopwatch watch;
  EXPECT_EQ(ask(port, path).status, 200);
  return watch.elapsed() < bound;
}

// Two of the program side by side, one of which has the crowd: the machine is busy with other tests
// and delays both alike. One round in which the crowd makes no difference shows that it makes none;
// when it does, it does in every round.
TEST(GateCrowdOfTheProgram, delays_neither_gate_nor_probe_nor_scrape) {
  allow_many_descriptors();
  RegionPair shard;
  const RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  Rpoguard crowded(config);
  Rpoguard quiet(config);
  for (Rpoguard* each : {&crowded, &quiet}) {
    ASSERT_TRUE(starts_open(*each, 30s));
  }
  const Crowd crowd(crowded.gate_port());
  for (const HttpSocket& socket : crowd.idle()) ASSERT_TRUE(gate_answers(socket, kRequest));

  bool fine = false;
  for (int round = 0; round < kRounds && !fine; ++round) {
    const Latency with_crowd = p99_of_gate(crowded.gate_port(), kRequest);
    const Latency without = p99_of_gate(quiet.gate_port(), kRequest);
    fine = with_crowd < 3 * without;
    for (const char* path : {"/metrics", "/livez"})
      fine = answers_within(crowded.ops_port(), path, 100ms) && fine;
    std::printf("p99 of an answer: %.0f us among %zu clients, %.0f us without them\n",
                static_cast<double>(with_crowd.count()) / 1e3, kIdle + kSlow,
                static_cast<double>(without.count()) / 1e3);
  }
  EXPECT_TRUE(fine);
  for (const HttpSocket& socket : crowd.idle())
    EXPECT_TRUE(gate_answers(socket, kRequest)) << "still connected";
}

}  // namespace
}  // namespace rpoguard::test
