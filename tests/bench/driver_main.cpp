// Measures and prints one table. Exit code: 0 all targets met, 1 a target missed, 2 not measured.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "tests/bench/many_shards.hpp"
#include "tests/bench/one_shard.hpp"
#include "tests/bench/peer.hpp"
#include "tests/bench/report.hpp"

namespace {

using rpoguard::bench::Line;

int measure(const rpoguard::bench::Effort& effort) {
  const std::string peer = rpoguard::bench::peer_version();
  const rpoguard::bench::CpuPressure pressure;
  rpoguard::bench::Shard shard;
  const auto one = rpoguard::bench::measure_one_shard(shard, effort);
  const auto many = rpoguard::bench::measure_many_shards(shard, effort);
  const auto lines = rpoguard::bench::compare(one, many, effort.shards);

  const auto version = shard.nodes().front()->query("select current_setting('server_version')");
  std::cout << "\nPeer: postgres_exporter " << peer << ". PostgreSQL " << version.value_or("?")
            << ".\nCosts are medians (least to most) over " << effort.windows << " windows of "
            << rpoguard::bench::kWindow.count() << " s; " << effort.scrapes
            << " scrapes of each page.\n";
  if (const auto share = pressure.share()) {
    std::cout << "Noise: during " << static_cast<int>(100 * *share + 0.5)
              << " % of the time some task of this machine waited for a CPU.\n";
  }
  std::cout << "\n" << rpoguard::bench::render_table(lines) << "\n";
  const auto has_target = [](const Line& line) { return line.met.has_value(); };
  const auto is_met = [](const Line& line) { return line.met.value_or(false); };
  const auto targets = std::count_if(lines.begin(), lines.end(), has_target);
  const auto met = std::count_if(lines.begin(), lines.end(), is_met);
  std::cout << met << " of " << targets << " targets met\n";
  return met == targets ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("rpoguard beside postgres_exporter, on real servers");
  rpoguard::bench::Effort effort;
  app.add_option("--windows", effort.windows, "windows of 15 s in each of the two parts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--scrapes", effort.scrapes, "scrapes of each page")
      ->check(CLI::Range(10, 1'000'000))
      ->capture_default_str();
  app.add_option("--shards", effort.shards, "shards of the second part")
      ->check(CLI::Range(1, 120))  // a connection each, max_connections is 400
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return measure(effort);
  } catch (const std::exception& error) {
    std::cerr << "benchmark: " << error.what() << "\n";
    return 2;
  }
}
