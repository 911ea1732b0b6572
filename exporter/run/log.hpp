// One logfmt line per change, on stderr.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/core/tell/event.hpp"

namespace rpoguard::run {

using core::Level;

/// A line to be: what happened, and the fields that say where and why. Values are quoted as needed;
/// no secrets.
struct LogLine {
  Level level = Level::info;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;
};

/// `msg="gate closed" shard=184 reason=rpo_exceeded`, without time and level.
std::string render_logfmt(const LogLine& line);

/// Once, before the first write_log(). Lines go to stderr with UTC time and level.
void start_logging();
/// Thread-safe.
void write_log(const LogLine& line);

}  // namespace rpoguard::run
