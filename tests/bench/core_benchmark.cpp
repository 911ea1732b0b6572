// Cost of the pure parts: a judgement, a gate decision, a metrics page.
#include <memory>
#include <variant>

#include <benchmark/benchmark.h>

#include "exporter/core/evaluate.hpp"
#include "exporter/core/gate.hpp"
#include "exporter/serve/handlers.hpp"

#include "tests/unit/core/shard_fixture.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard {
namespace {

using core::test::TestShard;

/// A busy, healthy shard after `ticks` seconds.
const TestShard& shard_after(int ticks) {
  static std::map<int, TestShard> made;
  if (const auto found = made.find(ticks); found != made.end()) return found->second;
  TestShard shard;
  shard.run_healthy(ticks);
  return made.emplace(ticks, std::move(shard)).first->second;
}

/// One judgement per fresh answer of the writer, as in service; the argument is how many seconds
/// the WAL clock has been fed: a day fills it.
void evaluate_a_shard(benchmark::State& state) {
  TestShard shard = shard_after(static_cast<int>(state.range(0)));
  const auto spec = std::make_shared<const core::ShardSpec>(shard.spec);
  core::NodeObservation& writer = *shard.observations.nodes[core::test::kIadA];
  auto& facts = std::get<core::NodeFacts>(writer.outcome);
  for (auto _ : state) {
    shard.now += std::chrono::seconds(1);
    writer.asked = writer.answered = shard.now;
    facts.insert_lsn->value += 1000;
    facts.snapshot = std::to_string(++shard.transactions);
    auto result = core::evaluate(spec, std::move(shard.memory), shard.observations, shard.probe,
                                 shard.now, shard.wall());
    shard.memory = std::move(result.memory);
    benchmark::DoNotOptimize(result.view);
  }
  state.counters["wal_clock_pairs"] = static_cast<double>(shard.memory.wal_clock.size());
}
BENCHMARK(evaluate_a_shard)->Arg(10)->Arg(86'400);

void decide_at_the_gate(benchmark::State& state) {
  const TestShard& shard = shard_after(10);
  for (auto _ : state) {
    benchmark::DoNotOptimize(core::decide(shard.spec, &shard.view, {}, shard.now));
  }
}
BENCHMARK(decide_at_the_gate);

void render_metrics_of_shards(benchmark::State& state) {
  test::World world;
  world.views.publish(
      test::healthy_view(world.clock.now(), static_cast<std::size_t>(state.range(0))));
  const serve::Context context = world.context();
  std::size_t bytes = 0;
  for (auto _ : state) bytes = serve::render_metrics(context).size();
  state.counters["page_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(render_metrics_of_shards)->Arg(2)->Arg(100)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace rpoguard
