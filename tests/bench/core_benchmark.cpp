// Cost of the pure parts: a judgement, a gate decision, a metrics page.
#include <memory>
#include <variant>

#include <benchmark/benchmark.h>

#include "exporter/core/judge/evaluate.hpp"
#include "exporter/core/judge/gate.hpp"
#include "exporter/serve/lease/lease_page.hpp"
#include "exporter/serve/lease/rpoguard_lease.h"

#include "tests/support/temp_dir.hpp"
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
  state.counters["wal_clock_pairs"] = static_cast<double>(shard.memory.source.clock.size());
}
BENCHMARK(evaluate_a_shard)->Arg(10)->Arg(86'400);

void check_the_gate(benchmark::State& state) {
  const TestShard& shard = shard_after(10);
  for (auto _ : state) {
    benchmark::DoNotOptimize(core::check_gate(shard.spec, &shard.view, {}, shard.now));
  }
}
BENCHMARK(check_the_gate);

/// A page of 100 open shards.
struct OpenPage {
  OpenPage() {
    std::vector<std::string> shards;
    const auto now = core::Instant(core::Duration(rpoguard_lease_now_ns()));
    auto view = test::healthy_view(now + std::chrono::hours(1), 100);
    for (const core::ShardSpec& shard : view->spec->shards) shards.push_back(shard.id);
    page = serve::LeasePage::create(dir / "lease", shards).value().release();
    page->write(*view, now);
    if (!page->publish() || rpoguard_lease_map(&reader, page->path().c_str()) != 0) std::abort();
    record = rpoguard_lease_find(&reader, "s42");
  }
  test::TempDir dir;
  serve::LeasePage* page;
  rpoguard_lease_page reader{};
  const rpoguard_lease_record* record;
};

const OpenPage& open_page() {
  static const OpenPage page;
  return page;
}

void read_the_clock(benchmark::State& state) {
  timespec now{};
  for (auto _ : state) {
    clock_gettime(CLOCK_BOOTTIME, &now);
    benchmark::DoNotOptimize(now);
  }
}
BENCHMARK(read_the_clock);

void check_a_lease(benchmark::State& state) {
  const auto* record = open_page().record;
  int open = 1;
  for (auto _ : state) open &= rpoguard_lease_open(record, 0);
  if (open == 0) state.SkipWithError("the lease is closed");
}
BENCHMARK(check_a_lease);

void check_a_lease_for_an_epoch(benchmark::State& state) {
  const auto* record = open_page().record;
  int open = 1;
  for (auto _ : state) open &= rpoguard_lease_open_for(record, 7, -1, 0);
  if (open == 0) state.SkipWithError("the lease is closed");
}
BENCHMARK(check_a_lease_for_an_epoch);

/// What the loop pays for each update.
void write_a_lease_page_of_100(benchmark::State& state) {
  const auto now = core::Instant(core::Duration(rpoguard_lease_now_ns()));
  const auto view = test::healthy_view(now, 100);
  for (auto _ : state) open_page().page->write(*view, now);
  const auto later = test::healthy_view(now + std::chrono::hours(1), 100);
  open_page().page->write(*later, now);
}
BENCHMARK(write_a_lease_page_of_100)->Unit(benchmark::kMicrosecond);

/// Both in turn, so that they meet the same machine; the ratio is the figure that counts.
void lease_check_per_clock_reading(benchmark::State& state) {
  constexpr int kBatch = 10'000;
  const auto* record = open_page().record;
  double clock_ns = 0;
  double check_ns = 0;
  const auto timed = [](auto&& body) {
    const auto start = rpoguard_lease_now_ns();
    for (int i = 0; i < kBatch; ++i) body();
    return static_cast<double>(rpoguard_lease_now_ns() - start) / kBatch;
  };
  timespec now{};
  int open = 1;
  double rounds = 0;
  for (auto _ : state) {
    clock_ns += timed([&] {
      clock_gettime(CLOCK_BOOTTIME, &now);
      benchmark::DoNotOptimize(now);
    });
    check_ns += timed([&] { open &= rpoguard_lease_open(record, 0); });
    ++rounds;
  }
  if (open == 0) state.SkipWithError("the lease is closed");
  state.counters["clock_ns"] = clock_ns / rounds;
  state.counters["check_ns"] = check_ns / rounds;
  state.counters["ratio"] = check_ns / clock_ns;
}
BENCHMARK(lease_check_per_clock_reading);

void render_metrics_of_shards(benchmark::State& state) {
  test::World world;
  world.views.publish(
      test::healthy_view(world.clock.now(), static_cast<std::size_t>(state.range(0))));
  const serve::MetricsContext context = world.metrics_context();
  std::size_t bytes = 0;
  for (auto _ : state) bytes = serve::render_metrics(context).size();
  state.counters["page_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(render_metrics_of_shards)->Arg(2)->Arg(100)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace rpoguard
