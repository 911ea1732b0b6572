// What stands between clients and PostgreSQL: a real HAProxy, a real nginx, a real PgBouncer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/process.hpp"
#include "tests/support/sql.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {

/// An HAProxy whose runtime interface is open. Throws std::runtime_error when it does not come up.
/// Not thread-safe.
class HaProxy {
 public:
  /// `sections` are its frontends and backends; ports are the caller's.
  explicit HaProxy(const std::string& sections);

  /// A command of the runtime interface, e.g. "show info"; what it answered. Throws when it answers
  /// nothing within a few seconds.
  std::string command(const std::string& text) const;
  /// Sends new connections of the backend's server somewhere else.
  void lead(const std::string& backend_and_server, std::uint16_t port) const;
  std::string log() const { return read_file(dir_ / "log"); }

 private:
  TempDir dir_;
  std::unique_ptr<Process> process_;
};

/// An nginx with one worker. As above.
class Nginx {
 public:
  /// `http` is what stands inside http { }; ports are the caller's, `port` is one it listens on.
  Nginx(const std::string& http, std::uint16_t port);

  std::string log() const { return read_file(dir_ / "log"); }

 private:
  TempDir dir_;
  std::unique_ptr<Process> process_;
};

/// A PgBouncer in transaction mode with one server connection per database and role, so that all
/// clients of a role share it. Admits everybody from the loopback as postgres or rpoguard; postgres
/// may use its console. As above.
class PgBouncer {
 public:
  explicit PgBouncer(std::uint16_t server_port);

  std::uint16_t port() const { return port_; }
  /// Leads to another server from now on.
  void lead(std::uint16_t server_port);
  Session connect(const std::string& dbname, const std::string& user) const;
  std::string log() const { return read_file(dir_ / "log"); }

 private:
  void write_config(std::uint16_t server_port) const;

  TempDir dir_;
  std::uint16_t port_;
  std::unique_ptr<Process> process_;
};

}  // namespace rpoguard::test
