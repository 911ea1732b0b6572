// Part two: one rpoguard for many shards.
#pragma once

#include <array>

#include "tests/bench/one_shard.hpp"

namespace rpoguard::bench {

struct ManyShards {
  Series cores{};  ///< CPU per time, one reading per window, with one scrape in each
  Series scrape_ms{};
  double page_cpu_ms = 0;
  std::size_t page_bytes = 0;
  Memory memory{};
  std::array<std::size_t, kNodes> connections{};  ///< per node
  Series probes_per_second{};                     ///< light statements of all nodes together
  Series light_ms{};
};

/// Every shard's nodes are the same three servers. As measure_one_shard() otherwise.
ManyShards measure_many_shards(Shard& shard, const Effort& effort);

}  // namespace rpoguard::bench
