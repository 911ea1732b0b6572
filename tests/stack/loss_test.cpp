// The promise itself: cut the link at a random moment under load, kill the writer later, promote
// the remote copy, and count what is lost of what the gateway has acknowledged.
#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "tests/stack/lost_commits.hpp"
#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kLossRpo = 5s;
constexpr int kRuns = 20;

struct Loss {
  unsigned seed = 0;
  std::size_t acked = 0;
  std::size_t lost = 0;
  core::Duration span{};         ///< first to last acknowledgement that is lost
  core::Duration gate_closed{};  ///< after the cut
  core::Duration killed{};       ///< after the cut
  std::string trouble;
};

int runs_at_once() {
  const char* text = std::getenv("RPOGUARD_LOSS_RUNS_AT_ONCE");
  return text == nullptr ? 4 : std::atoi(text);
}

Loss run_once(unsigned seed) {
  Loss loss;
  loss.seed = seed;
  std::mt19937 random(seed);
  RegionPair shard;
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  rpoguard.wait_until_serving();
  if (!opens(rpoguard, 30s)) {
    loss.trouble = "the gate did not open: " + rpoguard.log();
    return loss;
  }
  const auto load = shard.gateway(rpoguard, 200);
  load->start();
  // A random moment relative to the probes: at a random instant after the load has begun to flow.
  const core::Instant cut_at = boottime() + 2s + std::chrono::milliseconds(random() % 1500);
  if (!eventually(
          30s, [&] { return boottime() >= cut_at && load->counters().acked > 100; }, 1ms)) {
    loss.trouble = "no load: " + load->trouble();
    return loss;
  }
  shard.cut_wan();
  const core::Instant cut = boottime();
  if (!eventually(
          kLossRpo + 5s, [&] { return !rpoguard.gate_open("184"); }, 5ms)) {
    loss.trouble = "the gate never closed: " + rpoguard.log();
    return loss;
  }
  loss.gate_closed = boottime() - cut;
  const core::Instant kill_at = cut + loss.gate_closed + std::chrono::milliseconds(random() % 3000);
  static_cast<void>(eventually(10s, [&] { return boottime() >= kill_at; }));
  shard.iad_a().kill9();
  loss.killed = boottime() - cut;
  load->stop();
  shard.iad_b().kill9();
  shard.phx_a().promote();
  const std::vector<demo::Commit> commits = load->commits();
  const LostCommits lost = lost_commits(commits, shard.phx_a().conninfo());
  loss.acked = commits.size();
  loss.lost = lost.count;
  loss.span = lost.span;
  return loss;
}

TEST(Loss, of_acknowledged_commits_spans_at_most_the_rpo) {
  const unsigned base = std::random_device{}();
  std::vector<Loss> losses(kRuns);
  std::mutex mutex;
  int next = 0;
  const auto work = [&] {
    for (;;) {
      int run = 0;
      {
        const std::lock_guard lock(mutex);
        if (next == kRuns) return;
        run = next++;
      }
      auto& loss = losses[static_cast<std::size_t>(run)];
      try {
        loss = run_once(base + static_cast<unsigned>(run));
      } catch (const std::exception& error) {
        loss.trouble = error.what();
      }
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < runs_at_once(); ++i) workers.emplace_back(work);
  }
  std::printf("%4s %11s %7s %7s %12s %14s %12s\n", "run", "seed", "acked", "lost", "span s",
              "gate closed s", "killed s");
  for (int run = 0; run < kRuns; ++run) {
    const Loss& loss = losses[static_cast<std::size_t>(run)];
    std::printf("%4d %11u %7zu %7zu %12s %14s %12s %s\n", run + 1, loss.seed, loss.acked, loss.lost,
                render_seconds(loss.span).c_str(), render_seconds(loss.gate_closed).c_str(),
                render_seconds(loss.killed).c_str(), loss.trouble.c_str());
    EXPECT_EQ(loss.trouble, "");
    EXPECT_GT(loss.lost, 0U) << "the experiment lost nothing: it shows nothing";
    EXPECT_LE(loss.span, kLossRpo + 100ms) << "run " << run + 1;
  }
}

}  // namespace
}  // namespace rpoguard::test
