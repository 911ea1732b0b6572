#include "exporter/config/build.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "exporter/base/percent.hpp"
#include "exporter/config/text.hpp"
#include "exporter/core/check.hpp"
#include "exporter/core/url.hpp"

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

std::uint16_t required_port(Chosen<std::int64_t> chosen) {
  return static_cast<std::uint16_t>(required(std::move(chosen)));
}

// What is not written, or written as "" where that means none, a service may give.
core::ServiceSource service_of(const Resolver& resolver, ConnectAt at,
                               const core::PasswordSource& password) {
  const auto chosen = [&](std::string_view name) {
    return resolver.connect<std::string>(at, name);
  };
  core::ServiceSource service;
  service.name = required(chosen("service"));
  if (service.name.empty()) return {};
  service.file = required(chosen("service_file"));
  for (const char* name : {"dbname", "user", "sslmode", "channel_binding"})
    if (!chosen(name).written) service.fills.emplace_back(name);
  for (const char* name : {"sslrootcert", "sslcert", "sslkey"})
    if (required(chosen(name)).empty()) service.fills.emplace_back(name);
  if (required(chosen("sslpassword_file")).empty()) service.fills.emplace_back("sslpassword");
  if (password == core::PasswordSource{})
    service.fills.insert(service.fills.end(), {"password", "passfile"});
  return service;
}

// Everything but host and port.
core::ConnectSpec build_connect(const Resolver& resolver, ConnectAt at) {
  const auto text = [&](std::string_view name) {
    return required(resolver.connect<std::string>(at, name));
  };
  core::ConnectSpec connect;
  connect.dbname = text("dbname");
  connect.user = text("user");
  connect.password = password_source_of(resolver, at);
  connect.sslmode = text("sslmode");
  connect.sslrootcert = text("sslrootcert");
  connect.sslcert = text("sslcert");
  connect.sslkey = text("sslkey");
  connect.sslpassword_file = text("sslpassword_file");
  connect.channel_binding = text("channel_binding");
  connect.service = service_of(resolver, at, connect.password);
  return connect;
}

core::NodeSpec build_node(const Resolver& resolver, NodeAt at) {
  core::NodeSpec node;
  node.name = required(resolver.node<std::string>(at, "name"));
  node.region = required(resolver.node<std::string>(at, "region"));
  node.connect = build_connect(resolver, at);
  node.connect.host = required(resolver.connect<std::string>(at, "host"));
  node.connect.port = required_port(resolver.connect<std::int64_t>(at, "port"));
  node.durability_target = required(resolver.node<bool>(at, "durability_target"));
  node.application_name =
      resolver.node<std::string>(at, "application_name").value.value_or(node.name);
  return node;
}

// The policy of one shard, key by key.
class PolicyBuilder {
 public:
  PolicyBuilder(const Resolver& resolver, std::size_t index, core::ShardSpec& shard)
      : resolver_(resolver), index_(index), shard_(shard) {}

  void build() {
    build_promise();
    build_epoch();
    shard_.archive = archive();
    shard_.endpoint = endpoint();
    shard_.gate = gate();
  }

 private:
  template <typename T>
  T policy(std::string_view name) const {
    return required(resolver_.policy<T>(index_, name));
  }
  std::string text(std::string_view name) const { return policy<std::string>(name); }
  core::Duration duration(std::string_view name) const {
    return required_duration(resolver_.policy<MaybeDuration>(index_, name));
  }
  template <typename Enum>
  Enum word(std::string_view name, std::initializer_list<Enum> values) const {
    return to_enum(text(name), values);
  }
  std::string text_of_shard(std::string_view name) const {
    return replace_shard(text(name), shard_.id);
  }

  void build_promise() {
    using core::AfterFailover;
    using core::Durability;
    shard_.rpo = duration("rpo");
    shard_.rto = duration("rto");
    shard_.durability = word("durability", {Durability::flush, Durability::replay});
    shard_.copies = static_cast<int>(policy<std::int64_t>("copies"));
    shard_.after_failover = word("after_failover", {AfterFailover::waive, AfterFailover::enforce});
    shard_.waive_for = duration("waive_for");
    shard_.proof_ttl = duration("proof_ttl");
    shard_.slo_objective_percent = policy<double>("slo.objective");
  }

  // What another level has written for another source is left out.
  void build_epoch() {
    using core::EpochSource;
    shard_.epoch_source = word("epoch.source", {EpochSource::table, EpochSource::timeline,
                                                EpochSource::query, EpochSource::http});
    if (shard_.epoch_source == EpochSource::query) shard_.epoch_query = text("epoch.query");
    shard_.epoch_witness = witness("epoch.");
    if (shard_.epoch_source == EpochSource::http) {
      RPOGUARD_CHECK(shard_.epoch_witness.has_value());
      shard_.epoch_witness->writer_pointer = text("epoch.writer_pointer");
    }
    shard_.generation_witness = witness("generation.");
  }

  std::optional<core::WitnessSpec> witness(const std::string& group) const {
    const std::string url = text(group + "url");
    if (url.empty()) return std::nullopt;
    core::WitnessSpec witness;
    witness.url = replace_shard(url, base::percent_encode(shard_.id));
    witness.pointer = text(group + "pointer");
    witness.token_file = text(group + "token_file");
    witness.ca_file = text(group + "ca_file");
    witness.interval = duration("witness.interval");
    witness.timeout = duration("witness.timeout");
    witness.ttl = duration("witness.ttl");
    return witness;
  }

  core::ArchiveSpec archive() const {
    using core::ArchiveFormat;
    using core::ArchiveSource;
    core::ArchiveSpec archive;
    archive.max_age = policy<MaybeDuration>("archive.max_age");
    archive.source = word("archive.source", {ArchiveSource::postgres, ArchiveSource::directory,
                                             ArchiveSource::command});
    archive.interval = duration("archive.interval");
    archive.timeout = duration("archive.timeout");
    archive.readable_from = policy<std::vector<std::string>>("archive.readable_from");
    if (archive.source == ArchiveSource::directory) {
      archive.directory = text_of_shard("archive.directory");
    }
    if (archive.source == ArchiveSource::command) {
      archive.format = word("archive.format", {ArchiveFormat::names, ArchiveFormat::pgbackrest});
      for (const auto& part : policy<std::vector<std::string>>("archive.command")) {
        archive.command.push_back(replace_shard(part, shard_.id));
      }
    }
    return archive;
  }

  std::optional<core::EndpointSpec> endpoint() const {
    const std::string host = text("writer_endpoint.host");
    if (host.empty()) return std::nullopt;
    core::EndpointSpec endpoint;
    endpoint.connect = build_connect(resolver_, ConnectAt(index_));
    endpoint.connect.host = host;
    endpoint.connect.port =
        required_port(resolver_.policy<std::int64_t>(index_, "writer_endpoint.port"));
    endpoint.canary = policy<bool>("writer_endpoint.canary");
    endpoint.interval = duration("writer_endpoint.interval");
    endpoint.timeout = duration("writer_endpoint.timeout");
    endpoint.ttl = duration("writer_endpoint.ttl");
    return endpoint;
  }

  core::GateSpec gate() const {
    using core::GateMode;
    const auto reopen_below = resolver_.policy<MaybeDuration>(index_, "gate.reopen_below");
    return {
        .mode = word("gate.mode", {GateMode::enforce, GateMode::shadow, GateMode::off}),
        .reopen_below = reopen_below.value ? required_duration(reopen_below) : shard_.rpo / 2,
        .reopen_after = duration("gate.reopen_after"),
        .shed_low_priority_at = policy<double>("gate.shed_low_priority_at"),
    };
  }

  const Resolver& resolver_;
  std::size_t index_;
  core::ShardSpec& shard_;
};

std::vector<std::string> regions_of(const std::vector<core::NodeSpec>& nodes) {
  std::vector<std::string> regions;
  for (const core::NodeSpec& node : nodes) {
    if (std::ranges::find(regions, node.region) == regions.end()) regions.push_back(node.region);
  }
  return regions;
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
  PolicyBuilder(resolver, index, shard).build();
  return shard;
}

core::HookSpec build_hook(const Resolver& resolver, std::size_t index) {
  using Words = std::vector<std::string>;
  const auto text = [&](std::string_view name) {
    return required(resolver.hook<std::string>(index, name));
  };
  core::HookSpec hook;
  hook.name = text("name");
  hook.type = to_enum(text("type"), {core::HookType::webhook, core::HookType::command,
                                     core::HookType::sql, core::HookType::alertmanager});
  for (const std::string& word : required(resolver.hook<Words>(index, "events")))
    hook.events.push_back(*core::parse_event_kind(word));
  hook.url = resolver.hook<std::string>(index, "url").value.value_or("");
  hook.secret_file = text("secret_file");
  hook.token_file = text("token_file");
  hook.ca_file = text("ca_file");
  hook.command = required(resolver.hook<Words>(index, "command"));
  hook.sql = required(resolver.hook<Words>(index, "sql"));
  hook.user = text("user");
  hook.password_file = text("password_file");
  hook.dbname = text("dbname");
  for (const std::string& label : required(resolver.hook<Words>(index, "labels"))) {
    const std::size_t equals = label.find('=');
    hook.labels.emplace(label.substr(0, equals), label.substr(equals + 1));
  }
  hook.timeout = required_duration(resolver.hook<MaybeDuration>(index, "timeout"));
  hook.give_up_after = required_duration(resolver.hook<MaybeDuration>(index, "give_up_after"));
  return hook;
}

}  // namespace

core::PasswordSource password_source_of(const Resolver& resolver, ConnectAt at) {
  const auto files = Resolver::connect_places(at, "password_file");
  const auto variables = Resolver::connect_places(at, "password_env");
  const auto passfiles = Resolver::connect_places(at, "passfile");
  const auto& written = resolver.settings().by_path;
  const auto text_at = [&written](const std::string& path) {
    const auto found = written.find(path);
    const bool known = found != written.end() && found->second.value.has_value();
    return known ? std::get<std::string>(*found->second.value) : std::string();
  };
  for (std::size_t level = 0; level < files.size(); ++level) {
    if (!written.contains(files[level]) && !written.contains(variables[level]) &&
        !written.contains(passfiles[level]))
      continue;
    return {.file = text_at(files[level]),
            .env = text_at(variables[level]),
            .passfile = text_at(passfiles[level])};
  }
  return {};
}

core::Spec build_spec(const Resolver& resolver) {
  core::Spec spec;
  spec.ops = required(resolver.global<core::ListenSpec>("listen.ops"));
  spec.gate = required(resolver.global<core::ListenSpec>("listen.gate"));
  const auto agent = required(resolver.global<core::ListenSpec>("listen.agent"));
  if (!agent.host.empty()) spec.agent = agent;
  const auto health = required(resolver.global<core::ListenSpec>("listen.health"));
  if (!health.host.empty()) spec.health = health;
  spec.lease_path = required(resolver.global<std::string>("lease.path"));
  spec.state_dir = required(resolver.global<std::string>("state_dir"));
  spec.control_token_file = required(resolver.global<std::string>("control.token_file"));
  spec.probe.interval = required_duration(resolver.global<MaybeDuration>("probe.interval"));
  spec.probe.timeout = required_duration(resolver.global<MaybeDuration>("probe.timeout"));
  spec.probe.connect_timeout =
      required_duration(resolver.global<MaybeDuration>("probe.connect_timeout"));
  spec.probe.slow_interval =
      required_duration(resolver.global<MaybeDuration>("probe.slow_interval"));
  for (std::size_t i = 0; i < resolver.settings().hooks.size(); ++i) {
    spec.hooks.push_back(build_hook(resolver, i));
  }
  for (std::size_t i = 0; i < resolver.settings().shards.size(); ++i) {
    spec.shards.push_back(build_shard(resolver, i));
  }
  return spec;
}

}  // namespace rpoguard::config
