#include "exporter/config/key_table.hpp"

#include <array>
#include <vector>

#include "exporter/core/check.hpp"
#include "exporter/core/event.hpp"
#include "exporter/core/limits.hpp"

namespace rpoguard::config {
namespace {

static_assert(core::limits::kNodesPerShardMax == 16, "the range of copies says 16");
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
      {.path = "listen.agent",
       .type = Type::address,
       .optional = true,
       .reloadable = false,
       .help = "the gate for HAProxy's agent-check, which names the shard by agent-send"},
      {.path = "listen.health",
       .type = Type::address,
       .optional = true,
       .reloadable = false,
       .help = "only /livez and /readyz, always plain: for a kubelet that has no certificate"},
      {.path = "lease.path",
       .type = Type::path,
       .optional = true,
       .help = "the lease page, a file in memory that gateways map; its directory must exist"},
      {.path = "state_dir",
       .type = Type::path,
       .default_text = "/var/lib/rpoguard",
       .reloadable = false,
       .help = "what must survive a restart: highest epochs, waivers, freezes"},
      {.path = "control.token_file",
       .type = Type::path,
       .optional = true,
       .reloadable = false,
       .secret = true,
       .help = "file with the bearer token that freezing over HTTP needs, read at each request"},
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
      {.path = "probe.connect_timeout",
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "100ms", .high = "60s"},
       .help = "deadline of making a connection; at least probe.timeout"},
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
      {.path = "defaults.slo.objective",
       .type = Type::number,
       .default_text = "99.9",
       .range = {.low = "50", .high = "100", .low_excluded = true, .high_excluded = true},
       .help = "percent of time in which the promise is kept"},
  };
}

std::vector<Key> epoch_keys() {
  return {
      {.path = "defaults.epoch.source",
       .type = Type::choice,
       .default_text = "table",
       .choices = {"table", "timeline", "query", "http"},
       .help = "who names the newest writer: cluster_state, the WAL timeline, a query, an HTTP "
               "authority"},
      {.path = "defaults.epoch.query",
       .type = Type::query,
       .optional = true,
       .help = "source query, on each node: one row, epoch (bigint) and, if known, writer region "
               "(text)"},
      {.path = "defaults.epoch.url",
       .type = Type::url,
       .optional = true,
       .help = "JSON with the epoch; one more witness unless source is http, which needs it"},
      {.path = "defaults.epoch.pointer",
       .type = Type::pointer,
       .optional = true,
       .help = "where in that JSON the epoch is, a whole number from 0"},
      {.path = "defaults.epoch.writer_pointer",
       .type = Type::pointer,
       .optional = true,
       .help = "only with source http: where the writer's node name or region is"},
      {.path = "defaults.epoch.token_file",
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with a bearer token for epoch.url, read at each request"},
      {.path = "defaults.epoch.ca_file",
       .type = Type::path,
       .optional = true,
       .help = "certificate authority of epoch.url; none: those of the system"},
  };
}

std::vector<Key> witness_keys() {
  return {
      {.path = "defaults.generation.url",
       .type = Type::url,
       .optional = true,
       .help = "JSON with the generation of the shard map; none: it is not checked"},
      {.path = "defaults.generation.pointer",
       .type = Type::pointer,
       .optional = true,
       .help = "where in that JSON the generation is, a whole number from 0"},
      {.path = "defaults.generation.token_file",
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with a bearer token for generation.url, read at each request"},
      {.path = "defaults.generation.ca_file",
       .type = Type::path,
       .optional = true,
       .help = "certificate authority of generation.url; none: those of the system"},
      {.path = "defaults.witness.interval",
       .type = Type::duration,
       .default_text = "1s",
       .range = {.low = "100ms", .high = "10m"},
       .help = "how often epoch.url and generation.url are asked"},
      {.path = "defaults.witness.timeout",
       .type = Type::duration,
       .default_text = "800ms",
       .range = {.low = "10ms", .high = "60s"},
       .help = "deadline of one request to a witness; less than witness.interval"},
      {.path = "defaults.witness.ttl",
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "100ms", .high = "1h"},
       .help = "how long an answer is good; at least witness.interval + witness.timeout"},
  };
}

std::vector<Key> archive_keys() {
  return {
      {.path = "defaults.archive.source",
       .type = Type::choice,
       .default_text = "postgres",
       .choices = {"postgres", "directory", "command"},
       .help = "who says what the archive holds: the writer (a claim), a directory, a command"},
      {.path = "defaults.archive.directory",
       .type = Type::path,
       .optional = true,
       .help = "source directory: where the WAL files are; {shard} is the id of the shard"},
      {.path = "defaults.archive.command",
       .type = Type::command,
       .optional = true,
       .help = "source command: prints what the archive holds; no shell; {shard} is the id of the "
               "shard"},
      {.path = "defaults.archive.format",
       .type = Type::choice,
       .default_text = "names",
       .choices = {"names", "pgbackrest"},
       .help = "what the command prints: a file name a line, or `pgbackrest info --output=json`"},
      {.path = "defaults.archive.interval",
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "100ms", .high = "10m"},
       .help =
           "how often the archive is looked at; source postgres: the .ready files of the writer"},
      {.path = "defaults.archive.timeout",
       .type = Type::duration,
       .default_text = "10s",
       .range = {.low = "100ms", .high = "5m"},
       .help = "deadline of one listing; the command is killed then"},
      {.path = "defaults.archive.max_age",
       .type = Type::duration,
       .default_text = "off",
       .range = {.low = "1s", .high = "30d", .or_word = "off"},
       .help = "close the gate when the WAL archive is older; off only reports"},
      {.path = "defaults.archive.readable_from",
       .type = Type::labels,
       .optional = true,
       .help =
           "regions that can restore from it; a copy while one of them is not that of the writer"},
  };
}

std::vector<Key> failover_keys() {
  return {
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
      {.path = "defaults.connect.passfile",
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file like .pgpass with the password, mode 0600, read at each connect"},
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
      {.path = "defaults.connect.sslpassword_file",
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with the passphrase of sslkey, read at each connect"},
      {.path = "defaults.connect.channel_binding",
       .type = Type::choice,
       .default_text = "prefer",
       .choices = {"disable", "prefer", "require"},
       .help = "require: only with SCRAM over TLS, and only to the server that has the password"},
      {.path = "defaults.connect.service",
       .type = Type::text,
       .optional = true,
       .help = "section of service_file that gives what is not written here"},
      {.path = "defaults.connect.service_file",
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file like pg_service.conf, read at each connect; needs service"},
  };
}

std::vector<Key> endpoint_keys() {
  return {
      {.path = "defaults.writer_endpoint.host",
       .type = Type::host,
       .optional = true,
       .help = "where clients find the writer: proxy, pooler, DNS name; none: not checked"},
      {.path = "defaults.writer_endpoint.port",
       .type = Type::integer,
       .default_text = "5432",
       .range = {.low = "1", .high = "65535"},
       .help = "port that clients use there; not that of connect"},
      {.path = "defaults.writer_endpoint.canary",
       .type = Type::boolean,
       .default_text = "false",
       .help = "commit one row there each time, in rpoguard.canary, not only ask who answers"},
      {.path = "defaults.writer_endpoint.interval",
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "100ms", .high = "10m"},
       .help = "how often the endpoint is asked, on a new connection each time"},
      {.path = "defaults.writer_endpoint.timeout",
       .type = Type::duration,
       .default_text = "2s",
       .range = {.low = "10ms", .high = "60s"},
       .help = "deadline of connection and answer; less than writer_endpoint.interval"},
      {.path = "defaults.writer_endpoint.ttl",
       .type = Type::duration,
       .default_text = "15s",
       .range = {.low = "100ms", .high = "1h"},
       .help = "misrouted after so long without a good answer; at least its interval + timeout"},
  };
}

struct Help {
  std::string_view path;
  std::string_view text;
};

// Written there they replace those of `connect` for the endpoint alone.
constexpr std::array kEndpointConnect{
    Help{"defaults.writer_endpoint.dbname", "database to connect to there"},
    Help{"defaults.writer_endpoint.user", "role to connect as"},
    Help{"defaults.writer_endpoint.password_file",
         "file with the password for the endpoint; not with its password_env"},
    Help{"defaults.writer_endpoint.password_env",
         "environment variable with that password; not with its password_file"},
    Help{"defaults.writer_endpoint.passfile", "file like .pgpass with that password, mode 0600"},
    Help{"defaults.writer_endpoint.sslmode", "TLS to the endpoint; never falls back to clear text"},
    Help{"defaults.writer_endpoint.sslrootcert", "certificate authority of the endpoint"},
    Help{"defaults.writer_endpoint.sslcert",
         "client certificate for the endpoint; needs its sslkey"},
    Help{"defaults.writer_endpoint.sslkey", "key of that certificate; needs its sslcert"},
    Help{"defaults.writer_endpoint.sslpassword_file", "file with the passphrase of that key"},
    Help{"defaults.writer_endpoint.channel_binding",
         "require: only with SCRAM over TLS; poolers do not offer it"},
    Help{"defaults.writer_endpoint.service", "section of service_file for the endpoint"},
    Help{"defaults.writer_endpoint.service_file", "file like pg_service.conf for the endpoint"},
};

std::vector<Key> endpoint_connect_keys() {
  std::vector<Key> keys = connect_keys();
  std::erase_if(keys, [](const Key& key) {
    return key.path.ends_with(".host") || key.path.ends_with(".port");
  });
  RPOGUARD_CHECK(keys.size() == kEndpointConnect.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i].path = kEndpointConnect[i].path;
    keys[i].help = kEndpointConnect[i].text;
    keys[i].default_text = "(as in connect)";
  }
  return keys;
}

std::vector<std::string_view> event_words() {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < core::kEventKindCount; ++i)
    words.emplace_back(core::name_of(static_cast<core::EventKind>(i)));
  return words;
}

std::vector<Key> hook_keys() {
  return {
      {.path = "hooks[].name",
       .type = Type::label,
       .required = true,
       .help = "unique name of the hook, in metrics and the log"},
      {.path = "hooks[].type",
       .type = Type::choice,
       .choices = {"webhook", "command", "sql", "alertmanager"},
       .required = true,
       .help = "POST a signed JSON, run a program, run SQL on the writer, or push alerts"},
      {.path = "hooks[].events",
       .type = Type::choices,
       .choices = event_words(),
       .optional = true,
       .help = "what it is told, [] is everything; alertmanager gets alerts instead"},
      {.path = "hooks[].url",
       .type = Type::url,
       .default_text = "(none, and webhook and alertmanager need one)",
       .secret = true,
       .help = "webhook: where to POST; alertmanager: its address, without /api/v2/alerts"},
      {.path = "hooks[].secret_file",
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "webhook: file with the secrets to sign with (whsec_...), one a line"},
      {.path = "hooks[].token_file",
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "webhook, alertmanager: file with a bearer token, read at each request"},
      {.path = "hooks[].ca_file",
       .type = Type::path,
       .optional = true,
       .help = "webhook, alertmanager: certificate authority; none: those of the system"},
      {.path = "hooks[].command",
       .type = Type::command,
       .optional = true,
       .help = "command: run without a shell; the event is on its standard input"},
      {.path = "hooks[].sql",
       .type = Type::queries,
       .optional = true,
       .help = "sql: run in turn on the confirmed writer of the event's shard"},
      {.path = "hooks[].user",
       .type = Type::text,
       .optional = true,
       .help = "sql: role to connect as; none: that of the node"},
      {.path = "hooks[].password_file",
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "sql: file with the password of that role"},
      {.path = "hooks[].dbname",
       .type = Type::text,
       .optional = true,
       .help = "sql: database to connect to; none: that of the node"},
      {.path = "hooks[].labels",
       .type = Type::settings,
       .optional = true,
       .help = "alertmanager: labels for all alerts, as Prometheus adds them (job, instance)"},
      {.path = "hooks[].timeout",
       .type = Type::duration,
       .default_text = "10s",
       .range = {.low = "100ms", .high = "60s"},
       .help = "deadline of one try; a command is killed then"},
      {.path = "hooks[].give_up_after",
       .type = Type::duration,
       .default_text = "15m",
       .range = {.low = "0s", .high = "7d"},
       .help = "a failed delivery is tried again until its event is so old"},
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

}  // namespace

std::vector<Key> make_key_table() {
  std::vector<Key> all;
  for (auto part : {process_keys(), promise_keys(), epoch_keys(), witness_keys(), archive_keys(),
                    failover_keys(), gate_keys(), connect_keys(), endpoint_keys(),
                    endpoint_connect_keys(), hook_keys(), shard_keys()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace rpoguard::config
