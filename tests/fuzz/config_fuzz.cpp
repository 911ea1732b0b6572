// libFuzzer target: any bytes end in a specification that keeps its promises, or in messages that
// can be shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/base/check.hpp"
#include "exporter/config/load.hpp"
#include "exporter/core/model/url.hpp"

namespace {

void check_message(const rpoguard::config::Diagnostic& diagnostic) {
  const std::string text = rpoguard::config::render(diagnostic);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  RPOGUARD_CHECK(std::ranges::none_of(text, is_control));
  RPOGUARD_CHECK(!diagnostic.problem.empty());
  RPOGUARD_CHECK(diagnostic.line >= 0 && (diagnostic.line == 0) == (diagnostic.column == 0));
}

using rpoguard::core::ShardSpec;

void check_witness(const std::optional<rpoguard::core::WitnessSpec>& witness) {
  if (!witness) return;
  RPOGUARD_CHECK(rpoguard::core::split_url(witness->url).ok());
  RPOGUARD_CHECK(witness->pointer.starts_with('/'));
  RPOGUARD_CHECK(witness->timeout < witness->interval);
  RPOGUARD_CHECK(witness->ttl >= witness->interval + witness->timeout);
}

void check_sources(const ShardSpec& shard) {
  using rpoguard::core::ArchiveSource;
  using rpoguard::core::EpochSource;
  const bool http = shard.epoch_source == EpochSource::http;
  RPOGUARD_CHECK((shard.epoch_source == EpochSource::query) == !shard.epoch_query.empty());
  RPOGUARD_CHECK(!http || (shard.epoch_witness && !shard.epoch_witness->writer_pointer.empty()));
  check_witness(shard.epoch_witness);
  check_witness(shard.generation_witness);
  const auto& archive = shard.archive;
  RPOGUARD_CHECK((archive.source == ArchiveSource::directory) == !archive.directory.empty());
  RPOGUARD_CHECK((archive.source == ArchiveSource::command) == !archive.command.empty());
  RPOGUARD_CHECK(archive.source != ArchiveSource::postgres || archive.readable_from.empty());
  for (const std::string& region : archive.readable_from) {
    RPOGUARD_CHECK(rpoguard::core::region_allowed(shard, region));
  }
  if (!shard.endpoint) return;
  RPOGUARD_CHECK(!shard.endpoint->connect.host.empty() && shard.endpoint->connect.port != 0);
  RPOGUARD_CHECK(shard.endpoint->timeout < shard.endpoint->interval);
}

// Enough copies can count while the writer is at home.
void check_copies(const ShardSpec& shard) {
  const auto may_count = [&shard](const rpoguard::core::NodeSpec& node) {
    return node.durability_target && node.region != shard.home_region &&
           rpoguard::core::region_allowed(shard, node.region);
  };
  const bool archive = shard.rpo.count() != 0 &&
                       std::ranges::any_of(shard.archive.readable_from, [&](const auto& region) {
                         return region != shard.home_region;
                       });
  const auto nodes = std::ranges::count_if(shard.nodes, may_count);
  RPOGUARD_CHECK(shard.copies >= 1 && shard.copies <= nodes + (archive ? 1 : 0));
  RPOGUARD_CHECK(shard.copies <= nodes || shard.archive.interval <= shard.rpo / 4);
}

void check_spec(const rpoguard::core::Spec& spec) {
  RPOGUARD_CHECK(!spec.shards.empty());
  RPOGUARD_CHECK(spec.probe.timeout < spec.probe.interval);
  RPOGUARD_CHECK(spec.probe.timeout <= spec.probe.connect_timeout);
  for (const ShardSpec& shard : spec.shards) {
    check_copies(shard);
    check_sources(shard);
    RPOGUARD_CHECK(shard.gate.max_lease >= 2 * spec.probe.interval);
    if (shard.rpo.count() == 0) continue;
    RPOGUARD_CHECK(spec.probe.interval <= shard.rpo / 4);
    RPOGUARD_CHECK(shard.gate.reopen_below < shard.rpo);
    RPOGUARD_CHECK(shard.gate.reopen_below > spec.probe.interval);
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
