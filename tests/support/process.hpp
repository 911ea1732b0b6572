// Real processes that never outlive the test.
#pragma once

#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace rpoguard::test {

struct SpawnOptions {
  std::vector<std::string> argv{};           ///< argv[0] is looked up in PATH
  std::map<std::string, std::string> env{};  ///< added to, or replacing, the test's own environment
  std::string user{};          ///< whom to become if the test runs as root; empty: nobody else
  std::string output{};        ///< file that gets stdout and stderr, appended; empty: thrown away
  std::string directory{};     ///< working directory; empty: the test's own
  int death_signal = SIGKILL;  ///< sent by the kernel if the thread that spawned it ends first
};

/// A child process. Not thread-safe. Signals that ask for an exit, then wait(): the order is up to
/// the test; the destructor ends what is left.
class Process {
 public:
  /// Throws std::runtime_error when it cannot be executed.
  explicit Process(const SpawnOptions& options);
  ~Process();  ///< SIGKILL to it and all its descendants, then reaps it
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number) const;
  /// To it first, then to all its descendants, also those in process groups of their own
  /// (PostgreSQL makes each backend a group leader).
  void signal_tree(int number) const;
  /// SIGKILL to the whole tree at one instant (all are stopped first); returns when none runs.
  void kill_tree();
  /// Exit code, or 128 + signal; absent when it still runs after `deadline`.
  [[nodiscard]] std::optional<int> wait(std::chrono::nanoseconds deadline);

 private:
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

/// What a finished command said (stdout and stderr together).
struct CommandResult {
  int exit_code = 0;  ///< 128 + signal if it was killed; 124 if it ran into the deadline
  std::string output{};
};

/// Runs a command to its end. Throws std::runtime_error when it cannot be executed.
[[nodiscard]] CommandResult run_command(
    const SpawnOptions& options, std::chrono::nanoseconds deadline = std::chrono::seconds(60));

/// Also to a process that is not a child. Throws std::system_error when it does not get there.
void send_signal(pid_t pid, int number);

/// The process exists and is more than a zombie.
bool process_runs(pid_t pid);

/// The first of the unprivileged users `postgres` and `nobody` that exists, when the test runs as
/// root; else empty. PostgreSQL refuses to run as root.
std::string unprivileged_user();

/// Gives a file or a whole directory to the user. Does nothing for an empty name.
void give_to(const std::string& user, const std::string& path);

}  // namespace rpoguard::test
