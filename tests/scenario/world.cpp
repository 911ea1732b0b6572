#include "tests/scenario/world.hpp"

#include <charconv>
#include <cstdlib>
#include <stdexcept>

#include "demo/tools/gateway.hpp"

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ClusterOptions cluster_options(const WorldOptions& options) {
  ClusterOptions result{.conf = options.conf, .writer_env = options.writer_env};
  // The positions of all commits are read from the writer's files at the end.
  result.conf["wal_keep_size"] = "512MB";
  result.conf["autovacuum"] = "off";
  return result;
}

}  // namespace

std::chrono::seconds steady_time(std::chrono::seconds otherwise) {
  int number = 0;
  if (const char* text = std::getenv("RPOGUARD_STEADY_SECONDS")) {
    const std::string value = text;
    std::from_chars(value.data(), value.data() + value.size(), number);
  }
  return number > 0 ? seconds(number) : otherwise;
}

World::World(const WorldOptions& options) : cluster_(cluster_options(options)) {
  apply_sql_command(iad_a());
  iad_a().exec(demo::kLedgerSql);
  iad_a().exec("create sequence tokens cache 1000");
  cluster_.add_standby({.name = "iad-b", .synchronous = true});
  replication_ = std::make_unique<demo::Link>(demo::LinkOptions{.target_port = iad_a().port()});
  cluster_.add_standby(
      {.name = "phx-a", .via_port = replication_->port(), .slot = true, .env = options.copy_env});
  monitoring_ = std::make_unique<demo::Link>(demo::LinkOptions{.target_port = phx_a().port()});
  home_monitoring_ = std::make_unique<demo::Link>(demo::LinkOptions{.target_port = iad_a().port()});
  ShardConfig shard{.nodes = {{.name = "iad-a", .region = "iad", .port = home_monitoring_->port()},
                              {.name = "iad-b", .region = "iad", .port = iad_b().port()},
                              {.name = "phx-a", .region = "phx", .port = monitoring_->port()}}};
  if (!options.dead_node.empty()) {
    // An address of a documentation network: packets go nowhere.
    shard.nodes.push_back(
        {.name = options.dead_node, .region = "sjc", .port = 5432, .host = "192.0.2.1"});
  }
  if (options.replay) shard.extra = "durability: replay";
  RpoguardConfig config = RegionPair::rpoguard_config({});
  config.shards = {shard};
  rpoguard_ = std::make_unique<Rpoguard>(config);
  rpoguard_->wait_until_serving();
  wal_start_ = iad_a().query("select pg_current_wal_insert_lsn()").value();
  trace_ = std::make_unique<CopyTrace>(phx_a(), options.replay);
  load_ = std::make_unique<Writer>(iad_a(), options.commits_per_second);
  if (!eventually(seconds(60), [this] { return load_->count() > 50; }))
    throw std::runtime_error("no load");
  if (const auto open = opens(*rpoguard_, seconds(60)); !open)
    throw std::runtime_error(open.message());
  watch_ = std::make_unique<Watch>(*rpoguard_, "184");
}

void World::pass(milliseconds time) const {
  const core::Instant end = boottime() + time;
  static_cast<void>(eventually(time + seconds(60), [&] { return boottime() >= end; }));
}

void World::await_healed() const {
  const bool healed = eventually(
      seconds(90),
      [this] {
        const auto exposure =
            rpoguard_->metric("rpoguard_rpo_exposure_seconds", {{"shard", "184"}});
        return exposure && *exposure < 2.0;
      },
      milliseconds(100));
  if (!healed)
    throw std::runtime_error("the exposure stays high after all was healed\n" + rpoguard_->log());
  pass(seconds(2));
}

TableRow World::finish(bool both_answer) {
  watch_->stop();
  load_->stop();
  trace_->stop();
  const Truth truth(load_->log(), commit_positions(iad_a(), wal_start_), trace_->points());
  return compare(watch_->samples(), truth, kScenarioRpo, both_answer);
}

pid_t World::backend(const Server& server, const std::string& sql) const {
  const auto pid = server.query(sql);
  if (!pid) throw std::runtime_error("no process for: " + sql);
  return static_cast<pid_t>(std::stol(*pid));
}

}  // namespace rpoguard::test
