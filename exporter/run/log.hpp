// One logfmt line per change, on stderr.
#pragma once

#include <cstdint>
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

/// Once, before the first write_log() and before threads. From then on lines go to stderr with UTC
/// time and level, by a thread of its own: nobody else waits for whoever reads them. Throws
/// std::system_error when there is no thread to be had.
void start_logging();
/// At the end: waits for what is not yet written, but not for a reader that is stuck.
void finish_logging();
/// Thread-safe. Before start_logging() the line goes nowhere.
void write_log(const LogLine& line);
/// Text that is no line of the log, as it is. Thread-safe.
void write_plainly(std::string text);
/// Lines that were dropped since the start, because nobody took them in time. Thread-safe.
std::uint64_t dropped_log_lines();

}  // namespace rpoguard::run
