#include "exporter/run/log.hpp"

#include <algorithm>
#include <memory>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace rpoguard::run {
namespace {

bool plain(std::string_view text) {
  const auto special = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == '\x7f';
  };
  return !text.empty() && std::ranges::none_of(text, special);
}

std::string value_of(std::string_view text) {
  if (plain(text)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    // One event is one line, whatever a server put into its message.
    out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
  }
  return out + '"';
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

std::string render_logfmt(const LogLine& line) {
  std::string out = "msg=" + value_of(line.message);
  for (const auto& [key, value] : line.fields) out += " " + key + "=" + value_of(value);
  return out;
}

void start_logging() {
  auto logger = std::make_shared<spdlog::logger>("rpoguard",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "ts=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void write_log(const LogLine& line) {
  spdlog::log(to_spdlog(line.level), "{}", render_logfmt(line));
}

}  // namespace rpoguard::run
