#include "tests/bench/many_shards.hpp"

#include <algorithm>
#include <iostream>
#include <numeric>
#include <stdexcept>

#include "tests/support/eventually.hpp"

namespace rpoguard::bench {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kOpenDeadline{120};
constexpr seconds kWarmUp{20};

std::chrono::nanoseconds cpu_of(test::Rpoguard& rpoguard) {
  const auto time = cpu_time(rpoguard.pid());
  if (!time) throw std::runtime_error("rpoguard has ended; its log:\n" + rpoguard.log());
  return *time;
}

Statements sum_of(const std::array<Statements, kNodes>& nodes) {
  Statements sum;
  for (const Statements& node : nodes) {
    sum.light_calls += node.light_calls;
    sum.light_ms += node.light_ms;
  }
  return sum;
}

void wait_until_all_open(const test::Rpoguard& rpoguard, std::size_t shards) {
  const bool open = test::eventually(
      kOpenDeadline,
      [&] {
        const auto gates = rpoguard.metrics().all("rpoguard_gate_open");
        return gates.size() == shards &&
               std::all_of(gates.begin(), gates.end(), [](const auto& g) { return g.value == 1; });
      },
      seconds(1));
  if (!open) throw std::runtime_error("not every shard is healthy");
}

void measure_windows(Shard& shard, test::Rpoguard& rpoguard, std::size_t windows,
                     ManyShards& result) {
  for (std::size_t i = 0; i < windows; ++i) {
    const Statements before = sum_of(shard.statements(Shard::kOurRole));
    const auto cpu_before = cpu_of(rpoguard);
    const auto begin = steady_clock::now();
    wait_until(begin + kWindow / 2);
    scrape(rpoguard.ops_port());
    wait_until(begin + kWindow);
    const std::chrono::duration<double> cpu = cpu_of(rpoguard) - cpu_before;
    const std::chrono::duration<double> passed = steady_clock::now() - begin;
    const Statements after = sum_of(shard.statements(Shard::kOurRole));
    const double probes = after.light_calls - before.light_calls;
    if (probes <= 0) throw std::runtime_error("no light statement in a window");
    result.cores.push_back(cpu / passed);
    result.probes_per_second.push_back(probes / passed.count());
    result.light_ms.push_back((after.light_ms - before.light_ms) / probes);
    std::clog << "many shards: window " << i + 1 << " of " << windows << "\n";
  }
}

void measure_pages(test::Rpoguard& rpoguard, std::size_t scrapes, ManyShards& result) {
  const auto cpu_before = cpu_of(rpoguard);
  const auto begin = steady_clock::now();
  for (std::size_t n = 0; n < scrapes; ++n) {
    const Scrape page = scrape(rpoguard.ops_port());
    result.scrape_ms.push_back(page.milliseconds);
    result.page_bytes = page.body.size();
  }
  const std::chrono::duration<double> passed = steady_clock::now() - begin;
  const std::chrono::duration<double> cpu = cpu_of(rpoguard) - cpu_before;
  const double probing = passed.count() * median(result.cores);
  result.page_cpu_ms = 1000 * (cpu.count() - probing) / static_cast<double>(scrapes);
  std::clog << "many shards: " << scrapes << " scrapes\n";
}

}  // namespace

ManyShards measure_many_shards(Shard& shard, const Effort& effort) {
  ManyShards result;
  test::Rpoguard rpoguard(shard.config(effort.shards));
  rpoguard.wait_until_serving();
  wait_until_all_open(rpoguard, effort.shards);
  wait_until(steady_clock::now() + kWarmUp);
  measure_windows(shard, rpoguard, effort.windows, result);
  result.connections = shard.connections(Shard::kOurRole);
  measure_pages(rpoguard, effort.scrapes, result);
  result.memory = memory_of(rpoguard.pid());
  return result;
}

}  // namespace rpoguard::bench
