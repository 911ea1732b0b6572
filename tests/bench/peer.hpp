// Debian's prometheus-postgres-exporter, as its users run it: one process per server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/server.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::bench {

/// "0.11.1". Throws std::runtime_error, saying what to install, when it is not in PATH.
std::string peer_version();

/// Not thread-safe. The destructor ends it.
class Peer {
 public:
  /// Returns when its page says that it reaches the server; throws std::runtime_error if it never
  /// does. `arguments` are added to the defaults.
  Peer(const test::Server& server, const std::string& role,
       const std::vector<std::string>& arguments);
  std::uint16_t port() const { return port_; }
  pid_t pid() const { return process_->pid(); }

 private:
  test::TempDir dir_;
  std::uint16_t port_;
  std::unique_ptr<test::Process> process_;
};

}  // namespace rpoguard::bench
