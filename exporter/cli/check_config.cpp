#include <cstdio>
#include <string>
#include <vector>

#include "exporter/cli/commands.hpp"
#include "exporter/config/load.hpp"

namespace rpoguard::cli {

namespace {

void print_parts(const core::Spec& spec, std::uint32_t parts) {
  std::vector<std::string> shards(parts);
  for (const auto& shard : spec.shards) {
    shards[core::index_of_part(shard.id, parts)] += " " + shard.id;
  }
  for (std::uint32_t i = 0; i < parts; ++i) {
    std::printf("part %u/%u:%s\n", i, parts, shards[i].empty() ? " none" : shards[i].c_str());
  }
}

}  // namespace

int check_config(const std::string& config_file, std::uint32_t parts) {
  const config::Loaded loaded = config::load_file(config_file);
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    std::fprintf(stderr, "%s\n", config::render(diagnostic).c_str());
  }
  if (!loaded.spec) return 1;
  std::size_t nodes = 0;
  for (const auto& shard : loaded.spec->shards) nodes += shard.nodes.size();
  std::printf("%s: valid, %zu shards, %zu nodes\n", config_file.c_str(), loaded.spec->shards.size(),
              nodes);
  if (parts > 1) print_parts(*loaded.spec, parts);
  return 0;
}

}  // namespace rpoguard::cli
