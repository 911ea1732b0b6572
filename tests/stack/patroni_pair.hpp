// Two PostgreSQL servers under Patroni, with etcd as its store and HAProxy in front.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "demo/tools/gateway.hpp"

#include "tests/support/process.hpp"
#include "tests/support/proxies.hpp"
#include "tests/support/rpoguard_process.hpp"
#include "tests/support/sql.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {

/// A store for Patroni's leader lock: one member. Throws std::runtime_error when it does not come
/// up. Not thread-safe.
class Etcd {
 public:
  Etcd();
  void start();  ///< again, after kill9(): with what it has on disk
  void kill9() { process_->kill_tree(); }
  /// Loses its quorum for good.
  void expect_a_member_that_never_comes() const;
  std::uint16_t port() const { return port_; }

 private:
  TempDir dir_;
  std::uint16_t port_;
  std::uint16_t peer_port_;
  std::unique_ptr<Process> process_;
};

/// One Patroni and the server that it keeps. As above.
class PatroniNode {
 public:
  /// `on_role_change`: the command of that callback; empty: none.
  PatroniNode(const std::string& name, const std::string& region, const Etcd& etcd,
              const std::string& on_role_change = "");
  /// Patroni's servers are nobody's children, so a helper ends them also when the test is killed.
  ~PatroniNode();
  PatroniNode(const PatroniNode&) = delete;
  PatroniNode& operator=(const PatroniNode&) = delete;

  /// Waits until its REST API says 200 to the path.
  void wait_until(const std::string& path) const;
  /// Patroni hangs; its PostgreSQL serves all the while.
  void freeze_patroni() const { patroni_->signal(SIGSTOP); }
  /// By SIGKILL; its PostgreSQL serves all the while.
  void restart_patroni();
  void crash();  ///< Patroni by SIGKILL, its PostgreSQL by SIGQUIT

  std::string conninfo() const;
  /// First column of the first row, as text; empty when the server is down or says NULL.
  std::string query(const std::string& sql) const;
  bool accepts_writes() const { return query("select not pg_is_in_recovery()") == "t"; }
  std::uint16_t port() const { return port_; }
  std::uint16_t rest_port() const { return rest_port_; }
  std::string config_path() const { return dir_ / "patroni.yml"; }
  std::string data_dir() const { return dir_ / "data"; }
  std::string log() const { return read_file(dir_ / "log"); }

 private:
  void start_patroni();
  void stop_server() const;

  TempDir dir_;
  std::uint16_t port_;
  std::uint16_t rest_port_;
  std::unique_ptr<Process> server_reaper_;
  std::unique_ptr<Process> patroni_;
};

/// The nodes iad-a, which leads at first, and phx-a, prepared with `rpoguard sql`. HAProxy leads
/// one port to the leader's REST API and one to its PostgreSQL, by what GET /primary says.
class PatroniPair {
 public:
  PatroniPair();

  /// Epochs from Patroni: the timeline that the leader's REST API tells, and the region in its
  /// tags. The writer endpoint is HAProxy's port.
  RpoguardConfig rpoguard_config() const;
  std::unique_ptr<demo::Gateway> gateway(const Rpoguard& rpoguard, double rate) const;
  /// `patronictl` with these arguments; throws when it fails.
  void patronictl(std::vector<std::string> arguments) const;

  Etcd& etcd() { return etcd_; }
  PatroniNode& iad_a() { return *iad_a_; }
  PatroniNode& phx_a() { return *phx_a_; }

 private:
  Etcd etcd_;
  std::unique_ptr<PatroniNode> iad_a_;
  std::unique_ptr<PatroniNode> phx_a_;
  std::uint16_t leader_rest_port_;
  std::uint16_t leader_port_;
  std::unique_ptr<HaProxy> proxy_;
};

}  // namespace rpoguard::test
