// Part one: rpoguard and the peer side by side on the same three servers at the same time.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/measure.hpp"
#include "tests/bench/shard.hpp"

namespace rpoguard::bench {

struct Effort {
  std::size_t windows = 8;    ///< of kWindow each; every window yields one reading of each cost
  std::size_t scrapes = 500;  ///< of each page, back to back
  std::size_t shards = 100;   ///< of part two
};
/// As long as the pause between two slow statements: each window holds one per node.
inline constexpr std::chrono::seconds kWindow{15};

/// What one of the candidates costs. A look is one probe of one node by rpoguard, one scrape of the
/// peer.
struct Costs {
  std::string name;
  Series statements_per_look{};
  Series database_ms_per_look{};
  Series backend_cpu_ms_per_look{};  ///< of the sessions' backend processes
  Series cpu_ms_per_look{};
  Series scrape_ms{};      ///< of the writer's page
  double page_cpu_ms = 0;  ///< CPU of one answer to a scrape; of the peer that is the look
  std::size_t page_bytes = 0;
  Memory memory{};  ///< of one process, after all of this
};

struct OneShard {
  Costs ours;
  std::vector<Costs> peers;  ///< with default settings, and without pg_settings
  Series light_per_tick{};   ///< light statements per second and node
  Series light_ms_writer{};  ///< database time of one
  Series light_ms_standby{};
};

/// Takes about windows * kWindow plus the scrapes. Throws std::runtime_error.
OneShard measure_one_shard(Shard& shard, const Effort& effort);

}  // namespace rpoguard::bench
