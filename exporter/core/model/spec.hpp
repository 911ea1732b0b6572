// What the operator promised: the validated configuration, free of YAML. Values; no secret is ever
// held here, only where to read it (PasswordSource).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/core/model/hook.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// Which position of a copy counts as durable: written and flushed, or already replayed.
enum class Durability { flush, replay };

/// Where a node's epoch comes from: cluster_state.writer_epoch; the WAL timeline (a weaker
/// witness); a query of the operator's, asked on every node; or an authority that names the writer
/// over HTTP.
enum class EpochSource { table, timeline, query, http };

/// Who says what the WAL archive holds: pg_stat_archiver of the writer (a claim), a directory, or a
/// command that lists or reports it.
enum class ArchiveSource { postgres, directory, command };

/// How to read what the archive command prints: one file name a line, or `pgbackrest info
/// --output=json`.
enum class ArchiveFormat { names, pgbackrest };

/// enforce: answers refuse; shadow: answers allow, refusals are counted; off: always open, nothing
/// counted.
enum class GateMode { enforce, shadow, off };

/// What a stamped promotion does to a gate that has no remote copy yet: waive opens it
/// without proof for a while, enforce keeps it closed.
enum class AfterFailover { waive, enforce };

const char* name_of(Durability value);
const char* name_of(EpochSource value);
const char* name_of(ArchiveSource value);
const char* name_of(ArchiveFormat value);
const char* name_of(GateMode value);
const char* name_of(AfterFailover value);

/// Where the password comes from; at most one is set. Read again at each connect, so rotation
/// works.
struct PasswordSource {
  std::string file;
  std::string env;
  std::string passfile{};      ///< in the format of .pgpass; read by libpq
  std::string service_file{};  ///< the password is somewhere in this text; read whole
  friend bool operator==(const PasswordSource&, const PasswordSource&) = default;
};

/// The section of a connection service file that fills in what the configuration leaves open. Read
/// again at each connect.
struct ServiceSource {
  std::string name;  ///< of the section; empty: no service
  std::string file;
  std::vector<std::string> fills{};  ///< keywords of libpq that the configuration has not written
  friend bool operator==(const ServiceSource&, const ServiceSource&) = default;
};

/// How to reach one PostgreSQL server. One target, no host lists: rpoguard wants to see wrong
/// servers too.
struct ConnectSpec {
  std::string host;  ///< name, IPv4/IPv6 address, or an absolute path (Unix socket directory)
  std::uint16_t port = 5432;
  std::string dbname = "postgres";
  std::string user = "rpoguard";
  PasswordSource password;
  std::string sslmode = "disable";  ///< disable, require, verify-ca or verify-full; never "prefer"
                                    ///< (it retries in clear text)
  std::string sslrootcert;
  std::string sslcert;
  std::string sslkey;
  std::string sslpassword_file{};          ///< with the passphrase of sslkey
  std::string channel_binding = "prefer";  ///< disable, prefer or require
  ServiceSource service{};
  friend bool operator==(const ConnectSpec&, const ConnectSpec&) = default;
};

struct NodeSpec {
  std::string name;
  std::string region;
  ConnectSpec connect;
  /// May be counted as a durable copy while it is outside the writer's region. False for delayed or
  /// reporting copies.
  bool durability_target = true;
  /// Under which the writer's row for this node stands. Empty: not configured (row_names.hpp).
  std::string application_name;
  friend bool operator==(const NodeSpec&, const NodeSpec&) = default;
};

struct GateSpec {
  GateMode mode = GateMode::enforce;
  Duration reopen_below{};  ///< exposure that must be undercut to reopen; half the RPO by default
  Duration reopen_after = std::chrono::seconds(5);
  double shed_low_priority_at = 0.8;  ///< share of the RPO, (0, 1]
  /// A yes is good for so long at most, from the evaluation that it rests on.
  Duration max_lease = std::chrono::seconds(10);
  friend bool operator==(const GateSpec&, const GateSpec&) = default;
};

/// A number that somebody else keeps for the shard, read over HTTP: GET `url`, JSON, RFC 6901
/// pointer. http:// or https:// (certificates verified).
struct WitnessSpec {
  std::string url;
  std::string pointer;         ///< to a non-negative integer
  std::string writer_pointer;  ///< to the name or region of the writer; may be empty
  std::string token_file;      ///< bearer token, read at each request; may be empty
  std::string ca_file;         ///< https only; empty: the system's authorities
  Duration interval = std::chrono::seconds(1);
  Duration timeout = std::chrono::milliseconds(800);  ///< of one request
  Duration ttl = std::chrono::seconds(5);             ///< how long one answer is good
  friend bool operator==(const WitnessSpec&, const WitnessSpec&) = default;
};

struct ArchiveSpec {
  std::optional<Duration> max_age;  ///< close the gate when it is older; unset: only report
  ArchiveSource source = ArchiveSource::postgres;
  std::string directory;             ///< source directory
  std::vector<std::string> command;  ///< source command: program and arguments; no shell
  ArchiveFormat format = ArchiveFormat::names;
  Duration interval = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(10);
  /// The archive counts as a copy while one of these is not the writer's region. Only for the
  /// sources that look at the repository itself.
  std::vector<std::string> readable_from;
  friend bool operator==(const ArchiveSpec&, const ArchiveSpec&) = default;
};

/// The way that clients take to the writer (proxy, pooler, DNS name), asked on a new connection
/// each time.
struct EndpointSpec {
  ConnectSpec connect;
  bool canary = false;  ///< commit one row in rpoguard.canary each time, not only ask who answers
  Duration interval = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(2);
  Duration ttl = std::chrono::seconds(15);  ///< without a good answer for so long: misrouted
  friend bool operator==(const EndpointSpec&, const EndpointSpec&) = default;
};

struct ShardSpec {
  std::string id;
  std::string home_region;
  std::vector<std::string> allowed_regions;
  std::vector<NodeSpec> nodes;

  Duration rpo = std::chrono::seconds(5);  ///< 0 = synchronous durability is promised
  Duration rto = std::chrono::minutes(10);
  Durability durability = Durability::flush;
  int copies = 1;  ///< the recovery point is the copies-th best of the counted copies
  EpochSource epoch_source = EpochSource::table;
  /// source query: one row, the epoch as bigint and, optionally, the region of its writer as text.
  std::string epoch_query{};
  /// source http: the authority. Any other source: one more witness of the highest epoch.
  std::optional<WitnessSpec> epoch_witness{};
  std::optional<WitnessSpec> generation_witness{};  ///< of the shard map
  ArchiveSpec archive;
  std::optional<EndpointSpec> endpoint{};
  AfterFailover after_failover = AfterFailover::waive;
  Duration waive_for = std::chrono::hours(24);
  Duration proof_ttl =
      std::chrono::seconds(2);  ///< RPO 0 only: how long one synchronous proof is good
  double slo_objective_percent = 99.9;
  GateSpec gate;
  friend bool operator==(const ShardSpec&, const ShardSpec&) = default;
};

struct ProbeSpec {
  Duration interval = std::chrono::seconds(1);
  Duration timeout = std::chrono::milliseconds(800);
  /// Of making a connection, which with TLS and SCRAM takes nine round trips; probes that find it
  /// unfinished fail meanwhile.
  Duration connect_timeout = std::chrono::seconds(5);
  Duration slow_interval = std::chrono::seconds(15);
  friend bool operator==(const ProbeSpec&, const ProbeSpec&) = default;
};

struct ListenSpec {
  std::string host;  ///< "::": every address of the machine, of IPv4 and of IPv6
  std::uint16_t port = 0;
  friend bool operator==(const ListenSpec&, const ListenSpec&) = default;
};

/// The whole configuration.
struct Spec {
  ListenSpec ops{"::", 10187};
  ListenSpec gate{"::", 10188};
  std::vector<std::string> ops_hosts{};  ///< names of the ops listener, besides the private ones
  std::optional<ListenSpec> agent{};     ///< HAProxy agent check; unset: off
  std::optional<ListenSpec> health{};    ///< plain /livez and /readyz; unset: off
  std::string lease_path{};              ///< the lease page (docs/lease-page.md); empty: none
  std::string state_dir = "/var/lib/rpoguard";
  /// Bearer token of the verbs that change something; may be empty.
  std::string control_token_file;
  ProbeSpec probe;
  std::vector<HookSpec> hooks;
  std::vector<ShardSpec> shards;
  friend bool operator==(const Spec&, const Spec&) = default;
};

/// The place of the shard among `shards`; absent: there is no such shard here.
std::optional<std::size_t> find_shard(const Spec& spec, std::string_view id);

/// True when `region` may hold a writer or a counted copy of the shard (data residency).
bool region_allowed(const ShardSpec& shard, const std::string& region);

}  // namespace rpoguard::core
