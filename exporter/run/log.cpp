#include "exporter/run/log.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "exporter/base/mutex.hpp"
#include "exporter/run/log_writer.hpp"

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

constexpr std::chrono::milliseconds kLastWords{500};

// Gives lines their time and level, and hands them to the writer.
//
// Not spdlog's own asynchronous logger: at its end it waits for its thread, which waits for the
// reader, and it bounds lines but not bytes.
class Sink final : public spdlog::sinks::sink {
 public:
  explicit Sink(LogWriter& writer) : writer_(writer) {}

  std::string render(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    const base::MutexLock lock(mutex_);
    formatter_->format(message, line);
    return {line.data(), line.size()};
  }

  void log(const spdlog::details::log_msg& message) override { writer_.write(render(message)); }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
    const base::MutexLock lock(mutex_);
    formatter_ = std::move(formatter);
  }

 private:
  LogWriter& writer_;
  base::Mutex mutex_;
  std::unique_ptr<spdlog::formatter> formatter_ GUARDED_BY(mutex_) =
      std::make_unique<spdlog::pattern_formatter>();
};

struct Log {
  std::unique_ptr<LogWriter> writer;
  std::shared_ptr<Sink> sink;
  std::unique_ptr<spdlog::logger> logger;
};

// Never destroyed: a thread that a receiver keeps beyond the end may still have something to say.
Log& log_of_process() {
  static Log& log = *std::make_unique<Log>().release();
  return log;
}

std::string render_dropped(std::uint64_t count) {
  const std::string line = render_logfmt({Level::warning,
                                          "lines of the log were dropped, nobody took them",
                                          {{"lines", std::to_string(count)}}});
  return log_of_process().sink->render({"rpoguard", spdlog::level::warn, line});
}

}  // namespace

std::string render_logfmt(const LogLine& line) {
  std::string out = "msg=" + value_of(line.message);
  for (const auto& [key, value] : line.fields) out += " " + key + "=" + value_of(value);
  return out;
}

void start_logging() {
  Log& log = log_of_process();
  log.writer = std::make_unique<LogWriter>(STDERR_FILENO, render_dropped);
  log.sink = std::make_shared<Sink>(*log.writer);
  log.logger = std::make_unique<spdlog::logger>("rpoguard", log.sink);
  log.logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "ts=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc));
}

void finish_logging() {
  log_of_process().writer->flush(kLastWords);
}

void write_log(const LogLine& line) {
  const Log& log = log_of_process();
  if (log.logger) log.logger->log(to_spdlog(line.level), "{}", render_logfmt(line));
}

void write_plainly(std::string text) {
  log_of_process().writer->write(std::move(text));
}

std::uint64_t dropped_log_lines() {
  return log_of_process().writer->dropped();
}

}  // namespace rpoguard::run
