// A shard of real servers: a writer and its standbys, with an archive.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/server.hpp"

namespace rpoguard::test {

struct ClusterOptions {
  std::string writer_name = "iad-a";
  bool archiving = false;                           ///< into Cluster::archive_dir()
  std::map<std::string, std::string> conf{};        ///< of every server, over Server's defaults
  std::map<std::string, std::string> writer_env{};  ///< of the writer's processes
};

struct StandbyOptions {
  std::string name{};          ///< also its application_name
  bool synchronous = false;    ///< the writer waits for it from now on
  std::uint16_t via_port = 0;  ///< replicate through this port (a Link's); 0: the writer's own
  bool slot = false;           ///< with a replication slot named like it (- becomes _)
  bool restore_from_archive = false;
  std::map<std::string, std::string> conf{};
  std::map<std::string, std::string> env{};
};

/// The writer is started by the constructor. Typical use:
///
///     Cluster shard({.archiving = true});
///     shard.add_standby({.name = "iad-b", .synchronous = true});
///     Link wan(shard.writer().port());
///     shard.add_standby({.name = "phx-a", .via_port = wan.port()});
///
/// Throws std::runtime_error. Not thread-safe.
class Cluster {
 public:
  explicit Cluster(const ClusterOptions& options = {});
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Takes a base backup, starts the standby and waits until it streams.
  Server& add_standby(const StandbyOptions& options);
  /// Tells the writer for whose flush its commits wait; empty: for nobody. Applied on return.
  void set_synchronous(const std::string& name);

  Server& writer() { return *servers_.front(); }  ///< the first one, also after a promotion
  Server& node(const std::string& name);          ///< throws when there is none of that name
  std::string archive_dir() const { return archive_ / "wal"; }
  /// Waits until the node has replayed all that `from` has written by now.
  [[nodiscard]] bool caught_up(const Server& node, const Server& from) const;

 private:
  ServerOptions server_options(const std::string& name,
                               const std::map<std::string, std::string>& conf) const;

  ClusterOptions options_;
  TempDir archive_;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace rpoguard::test
