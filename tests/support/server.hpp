// One real PostgreSQL server in a temporary directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/sql.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {

/// Directory of the newest PostgreSQL under /usr/lib/postgresql, or $RPOGUARD_PG_BINDIR. Throws
/// std::runtime_error when there is none.
std::string postgres_bindir();

struct ServerOptions {
  std::string name = "a";                     ///< cluster_name
  std::map<std::string, std::string> conf{};  ///< settings, over the defaults; values unquoted
  std::string archive_dir{};                  ///< archive into it; empty: archive_mode off
  bool small_segments = true;                 ///< 1 MiB WAL segments instead of 16 MiB
  std::map<std::string, std::string> env{};   ///< of the postmaster and all its children
};

/// Where a standby gets its WAL from.
struct Upstream {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string application_name{};
  std::string slot{};         ///< created on the upstream when it does not exist; empty: none
  std::string archive_dir{};  ///< restore_command reads from it as well; empty: none
};

/// A PostgreSQL server: superuser `postgres` without password over 127.0.0.1 and a Unix socket,
/// full durability semantics except fsync (the machine is not what these tests crash; set
/// conf["fsync"] = "on" to have it). It runs as an unprivileged user when the test is root.
/// Created stopped. All waits have deadlines; everything throws std::runtime_error (with the end of
/// the server's log) or SqlError. Not thread-safe, but sessions of several threads are fine.
class Server {
 public:
  /// A new cluster (copied from a template that initdb makes once per machine and version).
  static std::unique_ptr<Server> create(const ServerOptions& options);
  /// A standby by pg_basebackup over `upstream`.
  static std::unique_ptr<Server> clone(const ServerOptions& options, const Upstream& upstream);
  ~Server();  ///< immediate shutdown, then SIGKILL to what is left; removes its files
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();  ///< returns when it accepts connections
  /// Starts the postmaster without waiting for connections.
  void launch();
  void wait_until_accepting();
  void stop(const std::string& mode = "fast");  ///< smart, fast or immediate; waits
  void restart();
  void kill9();    ///< SIGKILL to the postmaster and every child at one instant
  void sigstop();  ///< the whole server hangs; connections stay open
  void sigcont();
  void reload();   ///< SIGHUP; settings apply a moment later
  void promote();  ///< returns when it accepts writes
  /// Throws the data away and becomes a standby by pg_basebackup; started afterwards.
  void reseed(const Upstream& upstream);

  bool running();
  pid_t pid() const;
  std::uint16_t port() const { return port_; }
  const std::string& name() const { return options_.name; }
  std::string data_dir() const { return dir_ / "data"; }
  std::string socket_dir() const { return dir_.path(); }
  std::string log() const { return read_file(log_path()); }
  std::string conninfo(const std::string& dbname = "postgres",
                       const std::string& user = "postgres") const;

  Session connect(const std::string& dbname = "postgres") const;
  void exec(const std::string& sql) const;
  SqlValue query(const std::string& sql) const;
  /// Runs the statement until its value is `expected`; false when the deadline passes first. A
  /// server that does not answer is asked again.
  [[nodiscard]] bool becomes(const std::string& sql, const std::string& expected,
                             std::chrono::nanoseconds deadline = std::chrono::seconds(30)) const;

  /// Writes the setting; reload() or restart() applies it.
  void set_conf(const std::string& name, const std::string& value);
  /// Puts a line in front of pg_hba.conf; reload() applies it.
  void add_hba(const std::string& line);
  /// The role must give its password (scram-sha-256): returns when it is refused without one.
  void require_password(const std::string& role);

 private:
  explicit Server(const ServerOptions& options);
  std::string log_path() const { return dir_ / "log"; }
  void write_configuration() const;
  void take_base_backup(const Upstream& upstream);
  std::string what_happened(const std::string& what) const;
  void remove_shared_memory() const;

  ServerOptions options_;
  TempDir dir_;
  std::string user_;
  std::uint16_t port_;
  std::map<std::string, std::string> conf_;
  std::vector<std::string> hba_;
  std::unique_ptr<Process> process_;
};

}  // namespace rpoguard::test
