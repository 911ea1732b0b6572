#include <cstdio>
#include <string>
#include <vector>

#include "exporter/cli/commands.hpp"
#include "exporter/config/load.hpp"
#include "exporter/core/tell/advice.hpp"
#include "exporter/run/system_clock.hpp"

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

std::string check_web(const run::WebFiles& files) {
  const core::WallTime now = run::SystemClock().wall();
  std::string problems;
  if (!files.ops.empty()) problems += run::check_web_file(files.ops, config::WebListener::ops, now);
  if (!files.gate.empty())
    problems += run::check_web_file(files.gate, config::WebListener::gate, now);
  return problems;
}

}  // namespace

int check_config(const std::string& config_file, std::uint32_t parts,
                 const run::WebFiles& web_files) {
  const config::Loaded loaded = config::load_file(config_file);
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    std::fprintf(stderr, "%s\n", config::render(diagnostic).c_str());
  }
  const std::string web_problems = check_web(web_files);
  std::fputs(web_problems.c_str(), stderr);
  if (!loaded.spec || !web_problems.empty()) return 1;
  std::size_t nodes = 0;
  for (const auto& shard : loaded.spec->shards) nodes += shard.nodes.size();
  std::printf("%s: valid, %zu shards, %zu nodes\n", config_file.c_str(), loaded.spec->shards.size(),
              nodes);
  for (const core::ShardSpec& shard : loaded.spec->shards) {
    std::printf("shard %s, with the writer in %s: %s\n", shard.id.c_str(),
                shard.home_region.c_str(), core::who_counts(shard).c_str());
  }
  for (const std::string& doubt : core::doubts_about(*loaded.spec))
    std::fprintf(stderr, "%s: warning: %s\n", config_file.c_str(), doubt.c_str());
  if (parts > 1) print_parts(*loaded.spec, parts);
  return 0;
}

}  // namespace rpoguard::cli
