// A link that goes down and up for five minutes, in virtual time: the gate may follow it only so
// often.
#include <array>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/cluster.hpp"
#include "tests/sim/sidecar.hpp"

namespace rpoguard::sim {
namespace {

using core::Duration;
using core::Instant;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kFlapping = minutes(5);
constexpr std::size_t kIadA = 0;
constexpr std::size_t kPhxA = 2;

enum class Way { region, replication, writer_silent, writer_refused };

struct Flap {
  const char* name;
  Way way;
  Duration rpo;
  Duration half;  ///< up for so long, then down for so long
};

std::ostream& operator<<(std::ostream& out, const Flap& flap) {
  return out << flap.name;
}

core::ShardSpec make_spec(Duration rpo) {
  core::ShardSpec spec;
  spec.id = "184";
  spec.home_region = "iad";
  spec.allowed_regions = {"iad", "phx"};
  for (const char* name : {"iad-a", "iad-b", "phx-a"}) {
    core::NodeSpec node;
    node.name = node.application_name = name;
    node.region = node.name.substr(0, 3);
    spec.nodes.push_back(node);
  }
  spec.rpo = rpo;
  spec.gate.reopen_below = rpo / 2;
  return spec;
}

/// One shard under load whose link flaps.
class FlappingShard {
 public:
  FlappingShard(const Flap& flap, std::uint64_t seed)
      : flap_(flap), random_(seed), sidecar_(queue_, random_, cluster_, make_spec(flap.rpo), {}) {
    for (const auto& node : sidecar_.spec().nodes)
      cluster_.add(node.name, node.region, milliseconds(node.region == "iad" ? 1 : 30));
    for (std::size_t node = 0; node < cluster_.servers().size(); ++node) {
      cluster_.server(node).started = cluster_.clock(node) - milliseconds(node);  // one by one
      sidecar_.way(node).delay = milliseconds(node == kPhxA ? 15 : 1);
      sidecar_.way(node).jitter = milliseconds(5);
    }
    cluster_.start(kIadA);
    sidecar_.start();
    commit();
    look();
  }

  void run(Duration time) {
    queue_.run(queue_.now() + time, [] { return false; });
  }
  /// Any phase between the flapping and the probes.
  void start_flapping() {
    queue_.after(random_.between(Duration{}, seconds(2)), [this] { flap(true); });
  }
  void stop_flapping() { flapping_ = false; }

  bool open() const { return sidecar_.ask().open; }
  /// As the callers of the gate see it.
  std::uint64_t seen() const { return seen_; }
  /// As rpoguard_gate_transitions_total counts it.
  std::uint64_t counted() const {
    std::uint64_t sum = 0;
    for (const auto& [which, count] : sidecar_.view()->gate.transitions) sum += count;
    return sum;
  }
  Duration reopen_after() const { return sidecar_.spec().gate.reopen_after; }

 private:
  void commit() {
    cluster_.commit(kIadA, true, false);
    queue_.after(random_.between(milliseconds(20), milliseconds(200)), [this] { commit(); });
  }
  void look() {
    if (open() != was_open_) {
      was_open_ = !was_open_;
      ++seen_;
    }
    queue_.after(milliseconds(5), [this] { look(); });
  }
  void flap(bool down) {
    if (!flapping_ && down) return;
    if (flap_.way == Way::region || flap_.way == Way::replication) cluster_.cut(kPhxA, down);
    if (flap_.way == Way::region) sidecar_.way(kPhxA).cut = down;
    if (flap_.way == Way::writer_silent) sidecar_.way(kIadA).cut = down;
    if (flap_.way == Way::writer_refused) {
      sidecar_.way(kIadA).forced = down ? std::optional(core::ProbeFailure::refused) : std::nullopt;
    }
    queue_.after(flap_.half, [this, down] { flap(!down); });
  }

  const Flap flap_;
  Queue queue_{false};
  Random random_;
  Cluster cluster_{queue_, random_};
  Sidecar sidecar_;
  bool flapping_ = true;
  bool was_open_ = false;
  std::uint64_t seen_ = 0;
};

class FlappingLink : public ::testing::TestWithParam<Flap> {};

TEST_P(FlappingLink, causes_at_most_one_transition_per_reopen_after) {
  std::uint64_t most = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    FlappingShard shard(GetParam(), seed);
    shard.run(minutes(1));
    ASSERT_TRUE(shard.open());
    const auto seen = shard.seen();
    const auto counted = shard.counted();
    shard.start_flapping();
    shard.run(kFlapping);
    // The first of them stands at the very beginning: one more than there are pauses.
    const auto allowed = static_cast<std::uint64_t>(kFlapping / shard.reopen_after()) + 1;
    EXPECT_LE(shard.seen() - seen, allowed);
    EXPECT_LE(shard.counted() - counted, allowed);
    most = std::max(most, shard.seen() - seen);
    shard.stop_flapping();
    shard.run(minutes(1));
    EXPECT_TRUE(shard.open()) << "the link is up again";
  }
  std::printf("%s: at most %llu transitions in 5 min\n", GetParam().name,
              static_cast<unsigned long long>(most));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FlappingLink,
    ::testing::Values(Flap{"region", Way::region, seconds(5), seconds(1)},
                      Flap{"region_rpo_3s", Way::region, seconds(3), seconds(1)},
                      Flap{"region_3s", Way::region, seconds(5), seconds(3)},
                      Flap{"replication_rpo_3s", Way::replication, seconds(3), seconds(1)},
                      Flap{"replication_4s", Way::replication, seconds(5), seconds(4)},
                      Flap{"writer_silent", Way::writer_silent, seconds(5), seconds(1)},
                      Flap{"writer_silent_3s", Way::writer_silent, seconds(5), seconds(3)},
                      Flap{"writer_refused", Way::writer_refused, seconds(5), seconds(1)},
                      Flap{"writer_refused_3s", Way::writer_refused, seconds(5), seconds(3)}),
    [](const auto& flap) { return flap.param.name; });

}  // namespace
}  // namespace rpoguard::sim
