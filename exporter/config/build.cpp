#include "exporter/config/build.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "exporter/core/check.hpp"

namespace rpoguard::config {
namespace {

// The table lists the same words as core's name_of (tested); an unknown one is a bug.
template <typename Enum>
Enum to_enum(const std::string& word, std::initializer_list<Enum> values) {
  const auto* found =
      std::ranges::find_if(values, [&word](Enum value) { return core::name_of(value) == word; });
  RPOGUARD_CHECK(found != values.end());
  return *found;
}

template <typename T>
T required(Chosen<T> chosen) {
  RPOGUARD_CHECK(chosen.value.has_value());
  return *std::move(chosen.value);
}

core::Duration required_duration(Chosen<MaybeDuration> chosen) {
  const MaybeDuration duration = required(std::move(chosen));
  RPOGUARD_CHECK(duration.has_value());
  return *duration;
}

core::ConnectSpec build_connect(const Resolver& resolver, NodeAt at) {
  const auto text = [&](std::string_view name) {
    return required(resolver.connect<std::string>(at, name));
  };
  return {
      .host = text("host"),
      .port = static_cast<std::uint16_t>(required(resolver.connect<std::int64_t>(at, "port"))),
      .dbname = text("dbname"),
      .user = text("user"),
      .password = password_source_of(resolver, at),
      .sslmode = text("sslmode"),
      .sslrootcert = text("sslrootcert"),
      .sslcert = text("sslcert"),
      .sslkey = text("sslkey"),
  };
}

core::NodeSpec build_node(const Resolver& resolver, NodeAt at) {
  core::NodeSpec node;
  node.name = required(resolver.node<std::string>(at, "name"));
  node.region = required(resolver.node<std::string>(at, "region"));
  node.connect = build_connect(resolver, at);
  node.durability_target = required(resolver.node<bool>(at, "durability_target"));
  node.application_name =
      resolver.node<std::string>(at, "application_name").value.value_or(node.name);
  return node;
}

core::GateSpec build_gate(const Resolver& resolver, std::size_t shard, core::Duration rpo) {
  using core::GateMode;
  const auto reopen_below = resolver.policy<MaybeDuration>(shard, "gate.reopen_below");
  return {
      .mode = to_enum(required(resolver.policy<std::string>(shard, "gate.mode")),
                      {GateMode::enforce, GateMode::shadow, GateMode::off}),
      .reopen_below = reopen_below.value ? required_duration(reopen_below) : rpo / 2,
      .reopen_after = required_duration(resolver.policy<MaybeDuration>(shard, "gate.reopen_after")),
      .shed_low_priority_at = required(resolver.policy<double>(shard, "gate.shed_low_priority_at")),
  };
}

std::vector<std::string> regions_of(const std::vector<core::NodeSpec>& nodes) {
  std::vector<std::string> regions;
  for (const core::NodeSpec& node : nodes) {
    if (std::ranges::find(regions, node.region) == regions.end()) regions.push_back(node.region);
  }
  return regions;
}

void build_policy(const Resolver& resolver, std::size_t index, core::ShardSpec& shard) {
  const auto duration = [&](std::string_view name) {
    return required_duration(resolver.policy<MaybeDuration>(index, name));
  };
  const auto word = [&](std::string_view name) {
    return required(resolver.policy<std::string>(index, name));
  };
  shard.rpo = duration("rpo");
  shard.rto = duration("rto");
  shard.durability =
      to_enum(word("durability"), {core::Durability::flush, core::Durability::replay});
  shard.copies = static_cast<int>(required(resolver.policy<std::int64_t>(index, "copies")));
  shard.epoch_source =
      to_enum(word("epoch.source"), {core::EpochSource::table, core::EpochSource::timeline});
  shard.archive.max_age = required(resolver.policy<MaybeDuration>(index, "archive.max_age"));
  shard.after_failover =
      to_enum(word("after_failover"), {core::AfterFailover::waive, core::AfterFailover::enforce});
  shard.waive_for = duration("waive_for");
  shard.proof_ttl = duration("proof_ttl");
  shard.slo_objective_percent = required(resolver.policy<double>(index, "slo.objective"));
  shard.gate = build_gate(resolver, index, shard.rpo);
}

core::ShardSpec build_shard(const Resolver& resolver, std::size_t index) {
  core::ShardSpec shard;
  shard.id = required(resolver.shard<std::string>(index, "id"));
  shard.home_region = required(resolver.shard<std::string>(index, "home_region"));
  const std::size_t nodes = resolver.settings().shards[index].nodes.size();
  for (std::size_t node = 0; node < nodes; ++node) {
    shard.nodes.push_back(build_node(resolver, {.shard = index, .node = node}));
  }
  shard.allowed_regions = resolver.shard<std::vector<std::string>>(index, "allowed_regions")
                              .value.value_or(regions_of(shard.nodes));
  build_policy(resolver, index, shard);
  return shard;
}

}  // namespace

core::PasswordSource password_source_of(const Resolver& resolver, NodeAt node) {
  const auto files = Resolver::connect_places(node, "password_file");
  const auto variables = Resolver::connect_places(node, "password_env");
  const auto& written = resolver.settings().by_path;
  const auto text_at = [&written](const std::string& path) {
    const auto found = written.find(path);
    const bool known = found != written.end() && found->second.value.has_value();
    return known ? std::get<std::string>(*found->second.value) : std::string();
  };
  for (std::size_t level = 0; level < files.size(); ++level) {
    if (!written.contains(files[level]) && !written.contains(variables[level])) continue;
    return {.file = text_at(files[level]), .env = text_at(variables[level])};
  }
  return {};
}

core::Spec build_spec(const Resolver& resolver) {
  core::Spec spec;
  spec.ops = required(resolver.global<core::ListenSpec>("listen.ops"));
  spec.gate = required(resolver.global<core::ListenSpec>("listen.gate"));
  spec.state_dir = required(resolver.global<std::string>("state_dir"));
  spec.probe.interval = required_duration(resolver.global<MaybeDuration>("probe.interval"));
  spec.probe.timeout = required_duration(resolver.global<MaybeDuration>("probe.timeout"));
  spec.probe.slow_interval =
      required_duration(resolver.global<MaybeDuration>("probe.slow_interval"));
  for (std::size_t i = 0; i < resolver.settings().shards.size(); ++i) {
    spec.shards.push_back(build_shard(resolver, i));
  }
  return spec;
}

}  // namespace rpoguard::config
