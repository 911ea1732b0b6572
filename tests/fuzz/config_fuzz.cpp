// libFuzzer target: any bytes end in a specification that keeps its promises, or in messages that
// can be shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/config/load.hpp"
#include "exporter/core/check.hpp"

namespace {

void check_message(const rpoguard::config::Diagnostic& diagnostic) {
  const std::string text = rpoguard::config::render(diagnostic);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  RPOGUARD_CHECK(std::ranges::none_of(text, is_control));
  RPOGUARD_CHECK(!diagnostic.problem.empty());
  RPOGUARD_CHECK(diagnostic.line >= 0 && (diagnostic.line == 0) == (diagnostic.column == 0));
}

void check_spec(const rpoguard::core::Spec& spec) {
  RPOGUARD_CHECK(!spec.shards.empty());
  RPOGUARD_CHECK(spec.probe.timeout < spec.probe.interval);
  for (const auto& shard : spec.shards) {
    const auto may_count = [&shard](const rpoguard::core::NodeSpec& node) {
      return node.durability_target && node.region != shard.home_region &&
             rpoguard::core::region_allowed(shard, node.region);
    };
    RPOGUARD_CHECK(shard.copies >= 1);
    RPOGUARD_CHECK(std::ranges::count_if(shard.nodes, may_count) >= shard.copies);
    RPOGUARD_CHECK(shard.rpo.count() == 0 || spec.probe.interval <= shard.rpo / 4);
    RPOGUARD_CHECK(shard.rpo.count() == 0 || shard.gate.reopen_below < shard.rpo);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = rpoguard::config::load_text(text, "fuzz.yml");
  RPOGUARD_CHECK(loaded.spec.has_value() == loaded.diagnostics.empty());
  std::ranges::for_each(loaded.diagnostics, check_message);
  if (loaded.spec) check_spec(*loaded.spec);
  return 0;
}
