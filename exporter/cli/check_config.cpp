#include <cstdio>

#include "exporter/cli/commands.hpp"
#include "exporter/config/load.hpp"

namespace rpoguard::cli {

int check_config(const std::string& config_file) {
  const config::Loaded loaded = config::load_file(config_file);
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    std::fprintf(stderr, "%s\n", config::render(diagnostic).c_str());
  }
  if (!loaded.spec) return 1;
  std::size_t nodes = 0;
  for (const auto& shard : loaded.spec->shards) nodes += shard.nodes.size();
  std::printf("%s: valid, %zu shards, %zu nodes\n", config_file.c_str(), loaded.spec->shards.size(),
              nodes);
  return 0;
}

}  // namespace rpoguard::cli
