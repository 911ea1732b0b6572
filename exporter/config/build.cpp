#include "exporter/config/build.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "exporter/base/check.hpp"
#include "exporter/base/percent.hpp"
#include "exporter/config/text.hpp"
#include "exporter/core/model/url.hpp"

namespace rpoguard::config {
namespace {

using core::ConnectSpec;
using core::PasswordSource;
using core::ShardSpec;

// Sets every member that a row of the key table carries for this owner, in the order of the table.
// A key without a value leaves the member as it is.
template <typename At>
void fill(typename At::Owner& owner, const KeyResolver& resolver, At at, const core::Spec& whole) {
  using Owner = typename At::Owner;
  for (const Key& key : all_keys()) {
    const auto* set = std::get_if<Setter<Owner>>(&key.sets.set);
    if (set == nullptr) continue;
    if (const auto value = resolver.get(key, at).value) {
      (*set)(owner, *value, key.choices);
    } else if (const auto* derive = std::get_if<Deriver<Owner>>(&key.derived)) {
      (*derive)(owner, whole);
    }
  }
}

// What is not written, or written as "" where that means none, a service may give. Keys of
// connections are called like the keywords of libpq.
std::vector<std::string> left_to_service(const KeyResolver& resolver, ConnectAt at,
                                         const ConnectSpec& connect) {
  std::vector<std::string> keywords;
  const auto unless = [&keywords](bool given, const Key& key) {
    if (!given) keywords.push_back(short_name(key));
  };
  for (const Key* key :
       {&key_of<&ConnectSpec::dbname>(), &key_of<&ConnectSpec::user>(),
        &key_of<&ConnectSpec::sslmode>(), &key_of<&ConnectSpec::channel_binding>()})
    unless(resolver.get(*key, at).written.has_value(), *key);
  unless(!connect.sslrootcert.empty(), key_of<&ConnectSpec::sslrootcert>());
  unless(!connect.sslcert.empty(), key_of<&ConnectSpec::sslcert>());
  unless(!connect.sslkey.empty(), key_of<&ConnectSpec::sslkey>());
  if (connect.sslpassword_file.empty()) keywords.emplace_back("sslpassword");
  if (connect.password == PasswordSource{}) {
    keywords.emplace_back("password");
    keywords.push_back(short_name(key_of<&ConnectSpec::password, &PasswordSource::passfile>()));
  }
  return keywords;
}

ConnectSpec build_connect(const KeyResolver& resolver, ConnectAt at, const core::Spec& whole) {
  ConnectSpec connect;
  fill(connect, resolver, at, whole);
  connect.password = password_source_of(resolver, at);
  if (connect.service.name.empty()) {
    connect.service = {};
  } else {
    connect.service.fills = left_to_service(resolver, at, connect);
  }
  return connect;
}

core::NodeSpec build_node(const KeyResolver& resolver, NodeAt at, const core::Spec& whole) {
  core::NodeSpec node;
  node.connect = build_connect(resolver, {.shard = at.shard, .node = at.node}, whole);
  fill(node, resolver, at, whole);
  return node;
}

// What another level has written for another source is left out.
void drop_unused(ShardSpec& shard) {
  const auto drop_without_url = [](std::optional<core::WitnessSpec>& witness) {
    if (witness && witness->url.empty()) witness.reset();
  };
  if (shard.epoch_source != core::EpochSource::query) shard.epoch_query.clear();
  drop_without_url(shard.epoch_witness);
  drop_without_url(shard.generation_witness);
  if (shard.epoch_source == core::EpochSource::http) {
    RPOGUARD_CHECK(shard.epoch_witness.has_value());
  } else if (shard.epoch_witness) {
    shard.epoch_witness->writer_pointer.clear();
  }
  core::ArchiveSpec& archive = shard.archive;
  if (archive.source != core::ArchiveSource::directory) archive.directory.clear();
  if (archive.source != core::ArchiveSource::command) {
    archive.command.clear();
    archive.format = core::ArchiveSpec{}.format;
  }
  if (shard.endpoint && shard.endpoint->connect.host.empty()) shard.endpoint.reset();
}

// Puts the shard's id in the place of every {shard}.
void put_id(ShardSpec& shard) {
  for (auto* witness : {&shard.epoch_witness, &shard.generation_witness}) {
    if (*witness) (*witness)->url = replace_shard((*witness)->url, base::percent_encode(shard.id));
  }
  shard.archive.directory = replace_shard(shard.archive.directory, shard.id);
  for (std::string& part : shard.archive.command) part = replace_shard(part, shard.id);
}

ShardSpec build_shard(const KeyResolver& resolver, ShardAt at, const core::Spec& whole) {
  ShardSpec shard;
  const std::size_t nodes = resolver.settings().shards[at.shard].nodes.size();
  for (std::size_t node = 0; node < nodes; ++node) {
    shard.nodes.push_back(build_node(resolver, {.shard = at.shard, .node = node}, whole));
  }
  shard.endpoint.emplace().connect = build_connect(resolver, {.shard = at.shard}, whole);
  fill(shard, resolver, at, whole);
  drop_unused(shard);
  put_id(shard);
  return shard;
}

}  // namespace

PasswordSource password_source_of(const KeyResolver& resolver, ConnectAt at) {
  const auto places_of_member = [at](const Key& key) { return KeyResolver::places(key, at); };
  const auto files = places_of_member(key_of<&ConnectSpec::password, &PasswordSource::file>());
  const auto variables = places_of_member(key_of<&ConnectSpec::password, &PasswordSource::env>());
  const auto passfiles =
      places_of_member(key_of<&ConnectSpec::password, &PasswordSource::passfile>());
  const auto text = [](const Setting* setting) {
    return setting != nullptr && setting->value ? std::get<std::string>(*setting->value) : "";
  };
  for (std::size_t level = 0; level < files.size(); ++level) {
    const Setting* file = resolver.written_at(files[level]);
    const Setting* variable = resolver.written_at(variables[level]);
    const Setting* passfile = resolver.written_at(passfiles[level]);
    if (file == nullptr && variable == nullptr && passfile == nullptr) continue;
    return {.file = text(file), .env = text(variable), .passfile = text(passfile)};
  }
  return {};
}

core::Spec build_spec(const KeyResolver& resolver) {
  core::Spec spec;
  fill(spec, resolver, WholeFile{}, spec);
  for (std::size_t i = 0; i < resolver.settings().hooks.size(); ++i) {
    fill(spec.hooks.emplace_back(), resolver, HookAt{.hook = i}, spec);
  }
  for (std::size_t i = 0; i < resolver.settings().shards.size(); ++i) {
    spec.shards.push_back(build_shard(resolver, {.shard = i}, spec));
  }
  return spec;
}

}  // namespace rpoguard::config
