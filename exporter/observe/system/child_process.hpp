// Runs a program and reads what it prints, on the loop.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include "exporter/core/model/observation.hpp"

namespace rpoguard::observe {

/// What a program gets besides its arguments.
struct ChildInput {
  std::string text{};  ///< on standard input; empty: nothing
  std::map<std::string, std::string> variables{};
};

/// One run of one program, without a shell: its arguments as given, of the environment only PATH
/// and HOME (and LANG=C, and what the input has), in a process group of its own, which is killed
/// with SIGKILL at the deadline, when too much is printed, and when the program ends and leaves
/// others behind. Of what it prints on stderr an error repeats the first line, up to the first word
/// that might be a secret. Not thread-safe: used on the loop's thread. Order of calls: start()
/// cancel()?
class ChildProcess : public std::enable_shared_from_this<ChildProcess> {
 public:
  static constexpr std::size_t kOutputBytesMax = std::size_t{128} * 1024 * 1024;

  struct Handlers {
    std::function<void(std::string_view chunk)> output;  ///< of stdout, as it arrives
    /// Once, never before start() returns; no error: exit code 0, and all output was handed over.
    std::function<void(std::optional<core::ProbeError>)> end;
  };

  /// REQUIRES: argv is not empty. argv[0] is looked up in PATH unless it has a slash.
  ChildProcess(asio::io_context& loop, std::vector<std::string> argv, Handlers handlers,
               ChildInput input = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void start(core::Duration timeout);
  /// Kills it; no handler is called any more.
  void cancel();

 private:
  struct Stream {
    explicit Stream(asio::io_context& loop) : descriptor(loop) {}
    asio::posix::stream_descriptor descriptor;
    std::array<char, 64 * 1024> buffer{};
    bool ended = false;
  };

  std::optional<std::string> spawn();
  void read(Stream& stream);
  void take(const Stream& stream, std::string_view chunk);
  void await_exit();
  void reap();
  void kill_group() const;
  void fail(core::ProbeFailure reason, const std::string& message);
  void finish_when_done();
  void finish(std::optional<core::ProbeError> error);
  core::ProbeError exit_error() const;

  asio::io_context& loop_;
  const std::vector<std::string> argv_;
  Handlers handlers_;
  const ChildInput input_;
  asio::steady_timer deadline_;
  Stream output_;
  Stream errors_;
  asio::posix::stream_descriptor process_;  // a pidfd
  std::size_t output_bytes_ = 0;
  std::string error_text_;
  int pid_ = -1;               // until it is reaped
  std::optional<int> status_;  // as of waitpid()
  bool finished_ = false;
};

}  // namespace rpoguard::observe
