#include "tests/stack/region_pair.hpp"

#include <ctime>
#include <stdexcept>

namespace rpoguard::test {
void apply_sql_command(Server& writer, const std::vector<std::string>& options) {
  apply_sql_command(writer.conninfo(), options);
}

void apply_sql_command(const std::string& conninfo, const std::vector<std::string>& options) {
  std::vector<std::string> argv{RPOGUARD_BINARY, "sql", "--home-region", "iad"};
  argv.insert(argv.end(), options.begin(), options.end());
  const CommandResult sql = run_command({.argv = argv});
  if (sql.exit_code != 0) throw std::runtime_error("rpoguard sql: " + sql.output);
  const TempDir dir;
  write_file(dir / "migration.sql", sql.output);
  const CommandResult psql =
      run_command({.argv = {postgres_bindir() + "/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                            conninfo, "-f", dir / "migration.sql"}});
  if (psql.exit_code != 0) throw std::runtime_error("psql: " + psql.output);
}

RegionPair::RegionPair(std::string id, const ClusterOptions& options) : id_(std::move(id)) {
  cluster_ = std::make_unique<Cluster>(options);
  apply_sql_command(iad_a());
  iad_a().exec(demo::kLedgerSql);
  cluster_->add_standby({.name = "iad-b", .synchronous = true});
  replication_ = std::make_unique<demo::Link>(demo::LinkOptions{.target_port = iad_a().port()});
  cluster_->add_standby({.name = "phx-a", .via_port = replication_->port(), .slot = true});
  monitoring_ = std::make_unique<demo::Link>(demo::LinkOptions{.target_port = phx_a().port()});
}

ShardConfig RegionPair::config() const {
  return {.id = id_,
          .home_region = "iad",
          .nodes = {{.name = "iad-a", .region = "iad", .port = cluster_->writer().port()},
                    {.name = "iad-b", .region = "iad", .port = cluster_->node("iad-b").port()},
                    {.name = "phx-a", .region = "phx", .port = monitoring_->port()}}};
}

RpoguardConfig RegionPair::rpoguard_config(const std::vector<const RegionPair*>& shards) {
  RpoguardConfig config{.rpo = "5s",
                        .epoch_source = "table",
                        .probe_interval = "1s",
                        .probe_timeout = "800ms",
                        .connect = "dbname: postgres, user: rpoguard"};
  for (const RegionPair* shard : shards) config.shards.push_back(shard->config());
  return config;
}

void RegionPair::cut_wan() {
  replication_->cut();
  monitoring_->cut();
}

void RegionPair::heal_wan() {
  replication_->heal();
  monitoring_->heal();
}

void RegionPair::stamp(const std::string& region, const std::string& node) {
  cluster_->node(node).exec("select rpoguard.cluster_promote('" + region + "', 'test')");
}

void RegionPair::fail_over() {
  phx_a().promote();
  stamp("phx", "phx-a");
}

std::unique_ptr<demo::Gateway> RegionPair::gateway(const Rpoguard& rpoguard, double rate) const {
  demo::GatewayOptions options;
  options.shard = id_;
  options.gate = {"127.0.0.1", rpoguard.gate_port()};
  for (const char* node : {"iad-a", "iad-b", "phx-a"}) {
    options.nodes[node] = {"127.0.0.1", cluster_->node(node).port()};
  }
  options.rate = rate;
  return std::make_unique<demo::Gateway>(std::move(options));
}

core::Instant boottime() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return core::Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

std::string render_seconds(core::Duration duration) {
  if (duration < core::Duration{0}) return "-" + render_seconds(-duration);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  const std::string rest = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - rest.size(), '0') + rest;
}

}  // namespace rpoguard::test
