#include "tests/stack/patroni_pair.hpp"

#include <chrono>
#include <stdexcept>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/http.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/server.hpp"

namespace rpoguard::test {
namespace {

constexpr std::chrono::seconds kStartDeadline{60};
constexpr const char* kScope = "shard-184";

std::string on_loopback(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

bool says_ok(std::uint16_t port, const std::string& path) {
  const auto reply = http_get(port, path);
  return reply && reply->status == 200;
}

// The lock is lost `ttl` after the last renewal; loop_wait + 2 retry_timeouts must fit into it.
std::string patroni_config(const std::string& name, const std::string& region,
                           std::uint16_t etcd_port, std::uint16_t rest_port, std::uint16_t port,
                           const TempDir& dir, const std::string& on_role_change) {
  const std::string rest = "\"" + on_loopback(rest_port) + "\"";
  const std::string server = "\"" + on_loopback(port) + "\"";
  return "scope: " + std::string(kScope) + "\nname: " + name + "\nrestapi: {listen: " + rest +
         ", connect_address: " + rest + "}\netcd3: {host: \"" + on_loopback(etcd_port) +
         R"("}
bootstrap:
  dcs:
    ttl: 12
    loop_wait: 1
    retry_timeout: 3
    maximum_lag_on_failover: 1048576
    postgresql: {use_pg_rewind: true, parameters: {wal_log_hints: "on"}}
  initdb: [encoding: UTF8, locale: C, no-sync]
postgresql:
  listen: )" +
         server + "\n  connect_address: " + server + "\n  data_dir: " + (dir / "data").string() +
         "\n  bin_dir: " + postgres_bindir() + "\n  pgpass: " + (dir / "pgpass").string() + R"(
  authentication:
    superuser: {username: postgres}
    rewind: {username: postgres}
    replication: {username: replicator}
  parameters: {fsync: "off", unix_socket_directories: )" +
         dir.path().string() + R"(}
  pg_hba:
    - local all all trust
    - host all all 127.0.0.1/32 trust
    - host replication all 127.0.0.1/32 trust
)" + (on_role_change.empty() ? "" : "  callbacks: {on_role_change: \"" + on_role_change + "\"}\n") +
         "tags: {region: " + region + "}\n";
}

std::string check_of(const std::string& name, const PatroniNode& node, std::uint16_t port) {
  return "  server " + name + " " + on_loopback(port) + " check port " +
         std::to_string(node.rest_port()) + "\n";
}

}  // namespace

Etcd::Etcd() : port_(free_port()), peer_port_(free_port()) {
  give_to(unprivileged_user(), dir_.path());
  start();
}

void Etcd::start() {
  const std::string client = "http://" + on_loopback(port_);
  const std::string peer = "http://" + on_loopback(peer_port_);
  process_ = std::make_unique<Process>(
      SpawnOptions{.argv = {"etcd", "--name=only", "--data-dir=" + (dir_ / "data").string(),
                            "--listen-client-urls=" + client, "--advertise-client-urls=" + client,
                            "--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
                            "--initial-cluster=only=" + peer, "--unsafe-no-fsync"},
                   .user = unprivileged_user(),
                   .output = dir_ / "log",
                   .directory = dir_.path()});
  const bool up =
      eventually(kStartDeadline, [&] { return !process_->running() || says_ok(port_, "/health"); });
  if (!up || !process_->running())
    throw std::runtime_error("etcd is not up: " + read_file(dir_ / "log"));
}

void Etcd::expect_a_member_that_never_comes() const {
  const CommandResult added =
      run_command({.argv = {"etcdctl", "--endpoints=" + on_loopback(port_), "member", "add",
                            "second", "--peer-urls=http://" + on_loopback(free_port())},
                   .env = {{"ETCDCTL_API", "3"}}});
  if (added.exit_code != 0) throw std::runtime_error("etcdctl: " + added.output);
}

PatroniNode::PatroniNode(const std::string& name, const std::string& region, const Etcd& etcd,
                         const std::string& on_role_change)
    : port_(free_port()), rest_port_(free_port()) {
  give_to(unprivileged_user(), dir_.path());
  write_file(config_path(),
             patroni_config(name, region, etcd.port(), rest_port_, port_, dir_, on_role_change));
  const std::string on_term =
      "kill -QUIT $(head -n 1 " + (dir_ / "data/postmaster.pid").string() + "); kill $!; exit";
  server_reaper_ = std::make_unique<Process>(
      SpawnOptions{.argv = {"sh", "-c", "trap '" + on_term + "' TERM; sleep 100000 & wait"},
                   .user = unprivileged_user(),
                   .death_signal = SIGTERM});
  start_patroni();
}

void PatroniNode::start_patroni() {
  patroni_ = std::make_unique<Process>(SpawnOptions{.argv = {"patroni", config_path()},
                                                    .user = unprivileged_user(),
                                                    .output = dir_ / "log",
                                                    .directory = dir_.path()});
}

void PatroniNode::restart_patroni() {
  patroni_->kill_tree();
  start_patroni();
}

PatroniNode::~PatroniNode() {
  crash();
}

void PatroniNode::crash() {
  patroni_->kill_tree();
  stop_server();
}

void PatroniNode::stop_server() const {
  const pid_t pid = std::atoi(read_file(dir_ / "data/postmaster.pid").c_str());
  if (pid <= 0 || !process_runs(pid)) return;
  ::kill(pid, SIGQUIT);
  if (!eventually(std::chrono::seconds(10), [&] { return !process_runs(pid); }))
    ::kill(pid, SIGKILL);
}

void PatroniNode::wait_until(const std::string& path) const {
  const bool reached =
      eventually(kStartDeadline, [&] { return !patroni_->running() || says_ok(rest_port_, path); });
  if (!reached || !patroni_->running())
    throw std::runtime_error("patroni does not say 200 to " + path + ": " + log());
}

std::string PatroniNode::conninfo() const {
  return "host=127.0.0.1 port=" + std::to_string(port_) +
         " dbname=postgres user=postgres gssencmode=disable sslmode=disable";
}

std::string PatroniNode::query(const std::string& sql) const {
  try {
    return Session(conninfo()).value(sql).value_or("");
  } catch (const SqlError&) {
    return "";
  }
}

PatroniPair::PatroniPair() : leader_rest_port_(free_port()), leader_port_(free_port()) {
  iad_a_ = std::make_unique<PatroniNode>("iad-a", "iad", etcd_);
  iad_a_->wait_until("/primary");
  apply_sql_command(iad_a_->conninfo());
  Session(iad_a_->conninfo()).rows(demo::kLedgerSql);
  phx_a_ = std::make_unique<PatroniNode>("phx-a", "phx", etcd_);
  phx_a_->wait_until("/replica");
  const std::string checks =
      "  option httpchk GET /primary\n  http-check expect status 200\n"
      "  default-server inter 200ms fall 1 rise 1 on-marked-down shutdown-sessions\n";
  proxy_ = std::make_unique<HaProxy>(
      "listen leader_rest\n  mode http\n  bind " + on_loopback(leader_rest_port_) + "\n" + checks +
      check_of("iad-a", *iad_a_, iad_a_->rest_port()) +
      check_of("phx-a", *phx_a_, phx_a_->rest_port()) + "listen writer\n  mode tcp\n  bind " +
      on_loopback(leader_port_) + "\n" + checks + check_of("iad-a", *iad_a_, iad_a_->port()) +
      check_of("phx-a", *phx_a_, phx_a_->port()));
}

RpoguardConfig PatroniPair::rpoguard_config() const {
  RpoguardConfig config{.rpo = "5s",
                        .epoch_source = "http, url: \"http://" + on_loopback(leader_rest_port_) +
                                        "/patroni\", pointer: /timeline, "
                                        "writer_pointer: /tags/region",
                        .probe_interval = "500ms",
                        .probe_timeout = "400ms",
                        .connect = "dbname: postgres, user: rpoguard",
                        .defaults = "witness: {interval: 300ms, timeout: 250ms, ttl: 1500ms}\n"};
  config.shards.push_back(
      {.nodes = {{.name = "iad-a", .region = "iad", .port = iad_a_->port()},
                 {.name = "phx-a", .region = "phx", .port = phx_a_->port()}},
       .extra = "writer_endpoint: {host: 127.0.0.1, port: " + std::to_string(leader_port_) +
                ", interval: 300ms, timeout: 250ms, ttl: 1500ms}\n"});
  return config;
}

std::unique_ptr<demo::Gateway> PatroniPair::gateway(const Rpoguard& rpoguard, double rate) const {
  demo::GatewayOptions options;
  options.shard = "184";
  options.gate = {"127.0.0.1", rpoguard.gate_port()};
  options.nodes = {{"iad-a", {"127.0.0.1", iad_a_->port()}},
                   {"phx-a", {"127.0.0.1", phx_a_->port()}}};
  options.rate = rate;
  return std::make_unique<demo::Gateway>(std::move(options));
}

void PatroniPair::patronictl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"patronictl", "-c", iad_a_->config_path()});
  const CommandResult result = run_command({.argv = arguments});
  if (result.exit_code != 0) throw std::runtime_error("patronictl: " + result.output);
}

}  // namespace rpoguard::test
