#include "tests/support/cluster.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace rpoguard::test {

Cluster::Cluster(const ClusterOptions& options) : options_(options) {
  std::filesystem::create_directory(archive_dir());
  give_to(unprivileged_user(), archive_dir());
  ServerOptions writer_options = server_options(options.writer_name, {});
  writer_options.env = options.writer_env;
  servers_.push_back(Server::create(writer_options));
  writer().start();
}

ServerOptions Cluster::server_options(const std::string& name,
                                      const std::map<std::string, std::string>& conf) const {
  ServerOptions result{.name = name, .conf = options_.conf};
  for (const auto& [key, value] : conf) result.conf[key] = value;
  if (options_.archiving) result.archive_dir = archive_dir();
  return result;
}

Server& Cluster::add_standby(const StandbyOptions& options) {
  Upstream upstream{.port = options.via_port != 0 ? options.via_port : writer().port(),
                    .application_name = options.name};
  if (options.slot) {
    upstream.slot = options.name;
    std::replace(upstream.slot.begin(), upstream.slot.end(), '-', '_');
  }
  if (options.restore_from_archive) upstream.archive_dir = archive_dir();
  ServerOptions standby_options = server_options(options.name, options.conf);
  standby_options.env = options.env;
  servers_.push_back(Server::clone(standby_options, upstream));
  Server& standby = *servers_.back();
  standby.start();
  const std::string streams =
      "SELECT count(*) FROM pg_stat_replication WHERE application_name = '" + options.name +
      "' AND state = 'streaming'";
  if (!writer().becomes(streams, "1")) {
    throw std::runtime_error(options.name + " does not stream; its log:\n" + standby.log());
  }
  if (options.synchronous) set_synchronous(options.name);
  return standby;
}

void Cluster::set_synchronous(const std::string& name) {
  const std::string value = name.empty() ? "" : "FIRST 1 (\"" + name + "\")";
  writer().set_conf("synchronous_standby_names", value);
  writer().reload();
  const std::string wanted =
      name.empty() ? "SELECT setting = '' FROM pg_settings WHERE name = 'synchronous_standby_names'"
                   : "SELECT bool_or(sync_state = 'sync') FROM pg_stat_replication WHERE "
                     "application_name = '" +
                         name + "'";
  if (!writer().becomes(wanted, "t")) {
    throw std::runtime_error("synchronous replication to '" + name + "' did not take effect");
  }
}

Server& Cluster::node(const std::string& name) {
  for (const auto& server : servers_) {
    if (server->name() == name) return *server;
  }
  throw std::runtime_error("no node named " + name);
}

bool Cluster::caught_up(const Server& node, const Server& from) const {
  const std::string end = from.query("SELECT pg_current_wal_lsn()").value();
  return node.becomes("SELECT pg_last_wal_replay_lsn() >= '" + end + "'", "t");
}

}  // namespace rpoguard::test
