#include "tests/bench/shard.hpp"

#include <charconv>
#include <stdexcept>

#include "tests/bench/measure.hpp"

namespace rpoguard::bench {
namespace {

constexpr const char* kCommitsPerSecond = "20";

test::ClusterOptions cluster_options() {
  test::ClusterOptions options;
  options.archiving = true;
  options.conf = {{"max_connections", "400"},
                  {"shared_preload_libraries", "pg_stat_statements"},
                  {"pg_stat_statements.track_utility", "on"},
                  {"pg_stat_statements.track_planning", "on"}};
  return options;
}

double to_double(const test::SqlValue& value) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(value.value().data(), value.value().data() + value.value().size(), number);
  if (error != std::errc()) throw std::runtime_error("not a number: " + *value);
  return number;
}

void must_succeed(const std::string& what, const test::CommandResult& result) {
  if (result.exit_code != 0) throw std::runtime_error(what + " failed: " + result.output);
}

}  // namespace

double milliseconds_between(const BackendCpu& before, const BackendCpu& after) {
  std::chrono::duration<double, std::milli> sum{};
  bool measured = false;
  for (const auto& [pid, time] : after) {
    const auto from = before.find(pid);
    if (from == before.end()) continue;
    sum += time - from->second;
    measured = true;
  }
  if (!measured) throw std::runtime_error("no session was there before and after");
  return sum.count();
}

Shard::Shard() : cluster_(cluster_options()) {
  cluster_.writer().exec("create extension pg_stat_statements");
  cluster_.writer().exec("create table load (id bigserial primary key, note text)");
  migrate();
  nodes_ = {&cluster_.writer(), &cluster_.add_standby({.name = "iad-b", .synchronous = true}),
            &cluster_.add_standby({.name = "phx-a", .slot = true})};
  for (const test::Server* node : nodes_) sessions_.push_back(node->connect());
  start_load();
}

void Shard::migrate() {
  const auto sql = test::run_command({.argv = {RPOGUARD_BINARY, "sql", "--home-region", "iad"}});
  must_succeed("rpoguard sql", sql);
  test::write_file(dir_ / "migration.sql", sql.output);
  must_succeed(
      "the migration",
      test::run_command({.argv = {test::postgres_bindir() + "/psql", "-X", "-q", "-d",
                                  cluster_.writer().conninfo(), "-f", dir_ / "migration.sql"}}));
}

void Shard::start_load() {
  test::write_file(dir_ / "load.sql", "insert into load (note) values ('a small commit');\n");
  load_ = std::make_unique<test::Process>(test::SpawnOptions{
      .argv = {test::postgres_bindir() + "/pgbench", "-n", "-M", "prepared", "-R",
               kCommitsPerSecond, "-T", "86400", "-f", dir_ / "load.sql", "-h", "127.0.0.1", "-p",
               std::to_string(cluster_.writer().port()), "-U", "postgres", "postgres"},
      .output = dir_ / "load.log"});
  if (!cluster_.writer().becomes("select exists (select from load)", "t")) {
    throw std::runtime_error("no load: " + test::read_file(dir_ / "load.log"));
  }
}

void Shard::add_monitoring_role(const std::string& role) {
  cluster_.writer().exec("create role " + role + " login; grant pg_monitor to " + role);
  for (const test::Server* node : nodes_) {
    if (node != nodes_[0] && !cluster_.caught_up(*node, cluster_.writer())) {
      throw std::runtime_error(node->name() + " does not catch up");
    }
  }
}

test::RpoguardConfig Shard::config(std::size_t count) const {
  test::RpoguardConfig config{.epoch_source = "table",
                              .probe_interval = "1s",
                              .probe_timeout = "800ms",
                              .connect = std::string("dbname: postgres, user: ") + kOurRole};
  for (std::size_t i = 0; i < count; ++i) {
    config.shards.push_back(
        {.id = "s" + std::to_string(i),
         .home_region = "iad",
         .nodes = {{.name = "iad-a", .region = "iad", .port = nodes_[0]->port()},
                   {.name = "iad-b", .region = "iad", .port = nodes_[1]->port()},
                   {.name = "phx-a", .region = "phx", .port = nodes_[2]->port()}}});
  }
  return config;
}

std::array<Statements, kNodes> Shard::statements(const std::string& role) {
  if (!load_->running()) {
    throw std::runtime_error("the load has ended: " + test::read_file(dir_ / "load.log"));
  }
  std::array<Statements, kNodes> result;
  for (std::size_t node = 0; node < kNodes; ++node) {
    const auto rows = sessions_[node].rows(
        "select s.query like '%pg_stat_get_wal_senders%' and r.rolname = '" +
        std::string(kOurRole) +
        "', sum(s.calls), sum(s.total_exec_time + s.total_plan_time) from pg_stat_statements s "
        "join pg_roles r on r.oid = s.userid where r.rolname = '" +
        role + "' group by 1");
    for (const test::SqlRow& row : rows) {
      const double calls = to_double(row.at(1));
      const double ms = to_double(row.at(2));
      result[node].calls += calls;
      result[node].ms += ms;
      if (row.at(0) == "t") result[node].light_calls = calls;
      if (row.at(0) == "t") result[node].light_ms = ms;
    }
  }
  return result;
}

BackendCpu Shard::backends(const std::string& role) {
  BackendCpu result;
  for (test::Session& session : sessions_) {
    for (const test::SqlRow& row :
         session.rows("select pid from pg_stat_activity where usename = '" + role + "'")) {
      const auto pid = static_cast<pid_t>(to_double(row.at(0)));
      if (const auto time = cpu_time(pid)) result[pid] = *time;
    }
  }
  return result;
}

std::array<std::size_t, kNodes> Shard::connections(const std::string& role) {
  std::array<std::size_t, kNodes> result{};
  for (std::size_t node = 0; node < kNodes; ++node) {
    result[node] = static_cast<std::size_t>(to_double(sessions_[node].value(
        "select count(*) from pg_stat_activity where usename = '" + role + "'")));
  }
  return result;
}

}  // namespace rpoguard::bench
