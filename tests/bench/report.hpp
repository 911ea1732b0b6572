// The result as one Markdown table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/many_shards.hpp"
#include "tests/bench/one_shard.hpp"

namespace rpoguard::bench {

struct Line {
  std::string what;
  std::string ours;
  std::string peer{};
  std::string ratio{};
  std::string target{};
  std::optional<bool> met{};  ///< absent: no target
};

/// The lines of both parts. Pure.
std::vector<Line> compare(const OneShard& one, const ManyShards& many, std::size_t shards);
std::string render_table(const std::vector<Line>& lines);

}  // namespace rpoguard::bench
