// The same observations through two specifications, one of which only watches.
#include <cstdio>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

/// One shard, evaluated from the facts it is given, behind a gate.
class Gate {
 public:
  explicit Gate(core::GateMode mode) {
    shard_.spec.gate.mode = mode;
    shard_.spec.generation_witness.emplace();
  }
  core::test::TestShard& shard() { return shard_; }

  void publish() {
    auto spec = std::make_shared<core::Spec>();
    spec->shards = {shard_.spec};
    auto view = std::make_shared<core::View>();
    view->spec = spec;
    view->shards = {std::make_shared<core::ShardView>(shard_.view)};
    world_.views.publish(view);
  }
  /// The status of the answer, `later` than the last look.
  int ask(const std::string& path, const std::multimap<std::string, std::string>& query,
          core::Duration later) {
    world_.clock.advance(shard_.now + later - world_.clock.now());
    return handler_(request(path, query)).status;
  }
  serve::GateCounters::Counts counts() const { return world_.counters.of("184"); }

 private:
  core::test::TestShard shard_;
  World world_;
  serve::HttpHandler handler_ = serve::make_gate_handler(world_.gate_context());
};

/// Facts and requests drawn from one seed, for both gates alike.
class Story {
 public:
  explicit Story(unsigned seed) : random_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      happen();
      for (Gate* gate : {&enforce_, &shadow_}) gate->publish();
      for (int each = 0; each < 5; ++each) ask();
    }
  }
  int asked = 0;
  int refused = 0;
  serve::GateCounters::Counts enforced() const { return enforce_.counts(); }
  serve::GateCounters::Counts shadowed() const { return shadow_.counts(); }

 private:
  unsigned draw(unsigned below) { return static_cast<unsigned>(random_() % below); }

  void happen() {
    const bool committed = draw(4) != 0;
    const bool replicated = draw(3) != 0;
    const std::size_t failing = draw(3);
    const auto failure = draw(5) == 0 ? std::optional(draw(2) == 0 ? core::ProbeFailure::timeout
                                                                   : core::ProbeFailure::refused)
                                      : std::nullopt;
    const auto generation = static_cast<std::int64_t>(10 + draw(3));
    const core::Duration pause = draw(6) == 0 ? core::Duration(3s) : core::Duration(0s);
    for (Gate* gate : {&enforce_, &shadow_}) {
      auto& shard = gate->shard();
      if (committed) shard.commit();
      if (replicated) shard.replicate(core::test::kPhxA);
      shard.failures[failing] = failure;
      shard.observations.generation_witness =
          core::WitnessObservation{shard.now, shard.now, core::WitnessFacts{generation, ""}};
      shard.pass(pause);
      shard.tick();
    }
  }
  void ask() {
    std::multimap<std::string, std::string> query;
    if (draw(4) == 0) query.emplace("priority", "low");
    if (draw(4) == 0) query.emplace("epoch", std::to_string(draw(3)));
    if (draw(4) == 0) query.emplace("generation", std::to_string(10 + draw(3)));
    const std::string path = draw(2) == 0 ? "/gate/184" : "/authz/184/any";
    const core::Duration later = std::chrono::milliseconds(draw(6000));
    const int enforced = enforce_.ask(path, query, later);
    EXPECT_EQ(shadow_.ask(path, query, later), 200) << "shadow refuses nobody";
    ++asked;
    if (enforced != 200) ++refused;
    EXPECT_EQ(shadowed().shadow_denials, static_cast<std::uint64_t>(refused));
  }

  std::mt19937 random_;
  Gate enforce_{core::GateMode::enforce};
  Gate shadow_{core::GateMode::shadow};
};

TEST(ShadowMode, counts_exactly_what_enforce_would_have_refused) {
  int asked = 0;
  int refused = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Story story(seed);
    story.run(200);
    const auto of = [](int count) { return static_cast<std::uint64_t>(count); };
    EXPECT_EQ(story.shadowed().shadow_denials, of(story.refused));
    EXPECT_EQ(story.shadowed().closed, 0U);
    EXPECT_EQ(story.shadowed().open, of(story.asked));
    EXPECT_EQ(story.enforced().closed, of(story.refused));
    EXPECT_EQ(story.enforced().open, of(story.asked - story.refused));
    EXPECT_EQ(story.enforced().shadow_denials, 0U);
    asked += story.asked;
    refused += story.refused;
  }
  std::printf("%d of %d refused\n", refused, asked);
  EXPECT_GT(refused, asked / 10);
  EXPECT_LT(refused, asked * 9 / 10) << "neither state is rare";
}

}  // namespace
}  // namespace rpoguard::test
