// Who is told of events: the configuration of hooks, and how they fare.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "exporter/core/model/event_kind.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// webhook: POST, signed (Standard Webhooks). command: a program. sql: statements on the shard's
/// writer. alertmanager: alerts pushed to its v2 API, as the rules for Prometheus would raise them.
enum class HookType { webhook, command, sql, alertmanager };
inline constexpr std::size_t kHookTypeCount = 4;
const char* name_of(HookType type);

struct HookSpec {
  std::string name;  ///< unique
  HookType type = HookType::webhook;
  std::vector<EventKind> events;     ///< empty: all; not for alertmanager
  std::string url;                   ///< webhook: where to; alertmanager: its base
  std::string secret_file;           ///< webhook: whsec_ secrets, one a line; empty: unsigned
  std::string token_file;            ///< webhook, alertmanager: bearer token; may be empty
  std::string ca_file;               ///< https: empty: the system's authorities
  std::vector<std::string> command;  ///< program and arguments; no shell
  std::vector<std::string> sql;      ///< statements, one after the other
  std::string user;                  ///< sql: empty: as rpoguard connects to the node
  std::string password_file;         ///< sql: of that user
  std::string dbname;                ///< sql: empty: the node's
  std::map<std::string, std::string> labels;          ///< alertmanager: added to every alert
  Duration timeout = std::chrono::seconds(10);        ///< of one try
  Duration give_up_after = std::chrono::minutes(15);  ///< since the event happened
  friend bool operator==(const HookSpec&, const HookSpec&) = default;

  bool wants(EventKind kind) const;
};

/// Since the start.
struct HookStats {
  std::string name{};
  std::uint64_t delivered = 0;
  std::uint64_t failed = 0;   ///< refused, or given up
  std::uint64_t dropped = 0;  ///< the queue was full: the oldest goes
  std::uint64_t retries = 0;  ///< tries after the first
  std::size_t queued = 0;     ///< waiting now, with the one under way
  friend bool operator==(const HookStats&, const HookStats&) = default;
};

}  // namespace rpoguard::core
