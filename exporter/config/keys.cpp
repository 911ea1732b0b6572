#include "exporter/config/keys.hpp"

#include <algorithm>

#include "exporter/core/check.hpp"
#include "exporter/core/limits.hpp"

namespace rpoguard::config {
namespace {

static_assert(core::limits::kNodesPerShardMax == 16, "copies and labels say 16");
static_assert(core::limits::kNameBytesMax == 63, "render_allowed() says 63");
static_assert(core::limits::kWalClockReach == std::chrono::hours(24), "the range of rpo says 24h");

std::vector<Key> process_keys() {
  return {
      {.path = "listen.ops",
       .type = Type::address,
       .default_text = "0.0.0.0:10187",
       .reloadable = false,
       .help = "metrics, readiness, status page and management; port 0 picks a free one"},
      {.path = "listen.gate",
       .type = Type::address,
       .default_text = "0.0.0.0:10188",
       .reloadable = false,
       .help = "the write gate, on its own port and threads"},
      {.path = "state_dir",
       .type = Type::path,
       .default_text = "/var/lib/rpoguard",
       .reloadable = false,
       .help = "what must survive a restart: highest epochs, waivers"},
      {.path = "probe.interval",
       .type = Type::duration,
       .default_text = "1s",
       .range = {.low = "100ms", .high = "60s"},
       .help = "how often each node is asked; at most a quarter of every rpo"},
      {.path = "probe.timeout",
       .type = Type::duration,
       .default_text = "800ms",
       .range = {.low = "10ms", .high = "60s"},
       .help = "deadline of one probe; less than probe.interval"},
      {.path = "probe.slow_interval",
       .type = Type::duration,
       .default_text = "15s",
       .range = {.low = "100ms", .high = "10m"},
       .help = "pace of the slow facts (slots, connections); at least probe.interval"},
  };
}

std::vector<Key> promise_keys() {
  return {
      {.path = "defaults.rpo",
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "1s", .high = "24h", .or_word = "0s"},
       .help = "how much acknowledged work may be lost; 0s promises synchronous durability"},
      {.path = "defaults.rto",
       .type = Type::duration,
       .default_text = "10m",
       .range = {.low = "1s", .high = "7d"},
       .help = "how soon writes are back after losing the writer"},
      {.path = "defaults.durability",
       .type = Type::choice,
       .default_text = "flush",
       .choices = {"flush", "replay"},
       .help = "what a copy must have done with WAL before it counts"},
      {.path = "defaults.copies",
       .type = Type::integer,
       .default_text = "1",
       .range = {.low = "1", .high = "16"},
       .help = "how many counted copies must hold a commit"},
      {.path = "defaults.epoch.source",
       .type = Type::choice,
       .default_text = "table",
       .choices = {"table", "timeline"},
       .help = "who says which writer is the newest: cluster_state or the WAL timeline"},
      {.path = "defaults.slo.objective",
       .type = Type::number,
       .default_text = "99.9",
       .range = {.low = "50", .high = "100", .low_excluded = true, .high_excluded = true},
       .help = "percent of time in which the promise is kept"},
      {.path = "defaults.archive.max_age",
       .type = Type::duration,
       .default_text = "off",
       .range = {.low = "1s", .high = "30d", .or_word = "off"},
       .help = "close the gate when the WAL archive is older; off only reports"},
      {.path = "defaults.after_failover",
       .type = Type::choice,
       .default_text = "waive",
       .choices = {"waive", "enforce"},
       .help = "after a stamped promotion: open without a remote copy, or stay closed"},
      {.path = "defaults.waive_for",
       .type = Type::duration,
       .default_text = "24h",
       .range = {.low = "1m", .high = "30d"},
       .help = "how long such a waiver lasts at most"},
      {.path = "defaults.proof_ttl",
       .type = Type::duration,
       .default_text = "2s",
       .range = {.low = "100ms", .high = "1h"},
       .help = "only for rpo 0s: how long one synchronous proof is good; at least probe.interval"},
  };
}

std::vector<Key> gate_keys() {
  return {
      {.path = "defaults.gate.mode",
       .type = Type::choice,
       .default_text = "enforce",
       .choices = {"enforce", "shadow", "off"},
       .help = "refuse writes, only count what would be refused, or neither"},
      {.path = "defaults.gate.reopen_below",
       .type = Type::duration,
       .default_text = "(half of rpo)",
       .range = {.low = "1ms", .high = "24h"},
       .help = "exposure that must be undercut before the gate reopens; less than rpo"},
      {.path = "defaults.gate.reopen_after",
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "0s", .high = "1h"},
       .help = "for how long it must have been undercut"},
      {.path = "defaults.gate.shed_low_priority_at",
       .type = Type::number,
       .default_text = "0.8",
       .range = {.low = "0", .high = "1", .low_excluded = true},
       .help = "share of the rpo from which callers with priority=low are refused"},
  };
}

std::vector<Key> connect_keys() {
  return {
      {.path = "defaults.connect.host",
       .type = Type::host,
       .required = true,
       .help = "one server: name, address, or the directory of its Unix socket"},
      {.path = "defaults.connect.port",
       .type = Type::integer,
       .default_text = "5432",
       .range = {.low = "1", .high = "65535"},
       .help = "port of the server itself, not of a pooler"},
      {.path = "defaults.connect.dbname",
       .type = Type::text,
       .default_text = "postgres",
       .help = "database with the cluster_state table"},
      {.path = "defaults.connect.user",
       .type = Type::text,
       .default_text = "rpoguard",
       .help = "role made by `rpoguard sql`"},
      {.path = "defaults.connect.password_file",
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with the password, read at each connect; not with password_env"},
      {.path = "defaults.connect.password_env",
       .type = Type::env_name,
       .optional = true,
       .secret = true,
       .help = "environment variable with the password; not with password_file"},
      {.path = "defaults.connect.sslmode",
       .type = Type::choice,
       .default_text = "disable",
       .choices = {"disable", "require", "verify-ca", "verify-full"},
       .help = "TLS to the server; never falls back to clear text"},
      {.path = "defaults.connect.sslrootcert",
       .type = Type::path,
       .optional = true,
       .help = "certificate authority; needed by verify-ca and verify-full"},
      {.path = "defaults.connect.sslcert",
       .type = Type::path,
       .optional = true,
       .help = "client certificate; needs sslkey"},
      {.path = "defaults.connect.sslkey",
       .type = Type::path,
       .optional = true,
       .help = "key of the client certificate; needs sslcert"},
  };
}

std::vector<Key> shard_keys() {
  return {
      {.path = "shards[].id",
       .type = Type::label,
       .required = true,
       .help = "unique name of the shard, in metrics and in gate paths"},
      {.path = "shards[].home_region",
       .type = Type::label,
       .required = true,
       .help = "region of the writer in normal times; one of allowed_regions, with a node"},
      {.path = "shards[].allowed_regions",
       .type = Type::labels,
       .default_text = "(the regions of its nodes)",
       .help = "where the shard's data may be written and counted (data residency)"},
      {.path = "shards[].nodes[].name",
       .type = Type::label,
       .required = true,
       .help = "unique within the shard"},
      {.path = "shards[].nodes[].region",
       .type = Type::label,
       .required = true,
       .help = "where it runs"},
      {.path = "shards[].nodes[].durability_target",
       .type = Type::boolean,
       .default_text = "true",
       .help = "counts as a copy while outside the writer's region; false for delayed copies"},
      {.path = "shards[].nodes[].application_name",
       .type = Type::text,
       .default_text = "(the node's name)",
       .help = "name its walreceiver announces to the writer (cluster_name or primary_conninfo)"},
  };
}

const std::vector<Key>& table() {
  static const std::vector<Key> rows = [] {
    std::vector<Key> all;
    for (auto part : {process_keys(), promise_keys(), gate_keys(), connect_keys(), shard_keys()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return rows;
}

std::string render_range(const Key& key) {
  const Range& range = key.range;
  std::string text;
  if (!range.or_word.empty()) text += std::string(range.or_word) + " or ";
  if (range.low_excluded || range.high_excluded) {
    text += std::string("more than ") + std::string(range.low);
    text += range.high_excluded ? " and less than " : " and at most ";
    return text + std::string(range.high);
  }
  return text + std::string(range.low) + ".." + std::string(range.high);
}

std::string render_choices(const Key& key) {
  std::string text;
  for (const std::string_view choice : key.choices) {
    if (!text.empty()) text += " | ";
    text += choice;
  }
  return text;
}

std::string render_type(const Key& key) {
  switch (key.type) {
    case Type::address:
      return "host:port, e.g. \"0.0.0.0:10187\" or \"[::]:10187\"";
    case Type::boolean:
      return "true | false";
    case Type::choice:
      return render_choices(key);
    case Type::duration:
      return render_range(key);
    case Type::env_name:
      return "letters, digits and _, not starting with a digit";
    case Type::host:
      return "a host name, an IP address, or an absolute path to a socket directory";
    case Type::integer:
    case Type::number:
      return render_range(key);
    case Type::label:
      return "1..63 bytes of printable text without white space, /, ? and #";
    case Type::labels:
      return "a list of 1..16 different names, e.g. [iad, phx]";
    case Type::path:
      return "an absolute path";
    case Type::text:
      return "1..63 bytes of printable text";
  }
  RPOGUARD_CHECK(false);
}

}  // namespace

std::span<const Key> all_keys() {
  return table();
}

const Key& key_of(std::string_view path) {
  const auto found = std::ranges::find(table(), path, &Key::path);
  RPOGUARD_CHECK(found != table().end());
  return *found;
}

std::vector<std::string> places_of(const Key& key) {
  constexpr std::string_view kConnect = "defaults.connect.";
  constexpr std::string_view kDefaults = "defaults.";
  std::vector<std::string> places{std::string(key.path)};
  if (!key.path.starts_with(kDefaults)) return places;
  places.push_back("shards[]." + std::string(key.path.substr(kDefaults.size())));
  if (!key.path.starts_with(kConnect)) return places;
  const std::string name(key.path.substr(kConnect.size()));
  places.push_back("shards[].nodes[].connect." + name);
  places.push_back("shards[].nodes[]." + name);
  return places;
}

std::string render_allowed(const Key& key) {
  std::string text = render_type(key);
  if (key.optional) text += ", or \"\" for none";
  return text;
}

}  // namespace rpoguard::config
