// Callers who ask the gate in every way there is, over and over.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "exporter/core/model/units.hpp"

namespace rpoguard::test {

inline constexpr std::array<const char*, 3> kGateWays{"http", "lease page", "agent check"};
inline constexpr std::size_t kHttpWay = 0;
inline constexpr std::size_t kLeaseWay = 1;
inline constexpr std::size_t kAgentWay = 2;

/// Asks for shard 184 on its own threads from construction to destruction. Thread-safe.
class GateCallers {
 public:
  GateCallers(std::uint16_t gate_port, std::uint16_t agent_port, std::string lease_path);
  ~GateCallers();
  GateCallers(const GateCallers&) = delete;
  GateCallers& operator=(const GateCallers&) = delete;

  /// The last answer was open. None at all is closed.
  bool open(std::size_t way) const;
  bool all_open() const;
  bool all_closed() const;
  /// The latest moment until which an open answer may have been relied on. An HTTP caller caches it
  /// for as long as it is told, counted from before it asked.
  core::Instant relied_until(std::size_t way) const;

 private:
  struct Seen {
    bool open = false;
    core::Instant relied_until{};
  };
  /// Until when the answer may be relied on; the epoch of the clock: it is closed.
  using Ask = std::function<core::Instant()>;
  void ask_over_and_over(std::size_t way, const Ask& ask);
  core::Instant ask_http() const;
  core::Instant ask_agent() const;

  const std::uint16_t gate_port_;
  const std::uint16_t agent_port_;
  const std::string lease_path_;
  std::atomic<bool> over_{false};
  mutable std::mutex mutex_;
  std::array<Seen, kGateWays.size()> seen_;
  std::vector<std::thread> threads_;
};

}  // namespace rpoguard::test
