#include "exporter/observe/system/child_process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exporter/base/check.hpp"
#include "exporter/base/text.hpp"
#include "exporter/observe/system/one_line.hpp"

namespace rpoguard::observe {
namespace {

constexpr std::size_t kErrorBytesMax = 4096;

/// Both ends of a pipe; closes what is not taken.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) ends_ = {-1, -1};
  }
  ~Pipe() {
    for (const int end : ends_)
      if (end >= 0) ::close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  bool open() const { return ends_[0] >= 0; }
  int writer() const { return ends_[1]; }
  int take_reader() { return std::exchange(ends_[0], -1); }

 private:
  std::array<int, 2> ends_{-1, -1};
};

/// A text as a file to read: unlike a pipe it waits for nobody.
class InputFile {
 public:
  explicit InputFile(const std::string& text) {
    if (text.empty()) return;
    file_ = ::memfd_create("rpoguard-input", MFD_CLOEXEC);
    const auto size = static_cast<ssize_t>(text.size());
    const bool written =
        ::write(file_, text.data(), text.size()) == size && ::lseek(file_, 0, SEEK_SET) == 0;
    failed_ = !written;
  }
  ~InputFile() {
    if (file_ >= 0) ::close(file_);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  bool failed() const { return failed_; }
  int file() const { return file_; }

 private:
  int file_ = -1;
  bool failed_ = false;
};

/// What the child shall begin with.
class SpawnPlan {
 public:
  /// `input` negative: nothing to read.
  SpawnPlan(int input, int output, int errors) {
    ::posix_spawn_file_actions_init(&actions_);
    if (input >= 0) {
      ::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    } else {
      ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
    // Not every library marks its sockets close-on-exec.
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&attributes_);
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);  // SIGPIPE is ignored here
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  /// 0, or an errno.
  int run(const std::vector<std::string>& argv, const std::map<std::string, std::string>& more,
          int& pid) const {
    std::vector<std::string> words = argv;
    std::vector<std::string> variables = {"LANG=C"};
    for (const char* name : {"PATH", "HOME"}) {
      const char* value = std::getenv(name);
      if (value != nullptr) variables.push_back(std::string(name) + "=" + value);
    }
    for (const auto& [name, value] : more) variables.emplace_back(name).append("=").append(value);
    return ::posix_spawnp(&pid, words.front().c_str(), &actions_, &attributes_,
                          pointers_to(words).data(), pointers_to(variables).data());
  }

 private:
  static std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    return pointers;
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

bool is_word_or_number(std::string_view text) {
  constexpr std::size_t kBytesMax = 32;
  const auto plain = [](char c) {
    return base::is_letter(c) || base::is_digit(c) ||
           std::string_view(".,:;()[]-_").find(c) != std::string_view::npos;
  };
  const bool mixed =
      std::ranges::any_of(text, base::is_letter) && std::ranges::any_of(text, base::is_digit);
  return text.size() <= kBytesMax && std::ranges::all_of(text, plain) && !mixed;
}

// A program may repeat what it was given: an address with a password, a token. Words and numbers
// say what is wrong; from the first other thing on nothing is shown.
std::string harmless_start(std::string_view line) {
  std::string shown;
  while (!line.empty()) {
    const std::string_view word = line.substr(0, line.find(' '));
    if (!is_word_or_number(word)) return shown + "...";
    if (!shown.empty()) shown += ' ';
    shown += word;
    line.remove_prefix(std::min(word.size() + 1, line.size()));
  }
  return shown;
}

std::string text_of(int error) {
  return std::generic_category().message(error);
}

}  // namespace

ChildProcess::ChildProcess(asio::io_context& loop, std::vector<std::string> argv, Handlers handlers,
                           ChildInput input)
    : loop_(loop),
      argv_(std::move(argv)),
      handlers_(std::move(handlers)),
      input_(std::move(input)),
      deadline_(loop),
      output_(loop),
      errors_(loop),
      process_(loop) {
  RPOGUARD_CHECK(!argv_.empty());
}

ChildProcess::~ChildProcess() {
  kill_group();
}

void ChildProcess::start(core::Duration timeout) {
  if (auto problem = spawn()) {
    asio::post(loop_, [self = shared_from_this(), message = std::move(*problem)] {
      self->fail(core::ProbeFailure::query_failed, message);
    });
    return;
  }
  deadline_.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(timeout));
  deadline_.async_wait([self = shared_from_this(), timeout](const asio::error_code& error) {
    if (error) return;
    self->fail(core::ProbeFailure::timeout,
               self->argv_.front() + " has not ended within " + core::render_duration(timeout));
  });
  await_exit();
  read(output_);
  read(errors_);
}

// What went wrong; nullopt when it runs.
std::optional<std::string> ChildProcess::spawn() {
  Pipe output;
  Pipe errors;
  if (!output.open() || !errors.open()) return "no pipe: " + text_of(errno);
  const InputFile input(input_.text);
  if (input.failed()) return "no input: " + text_of(errno);
  const SpawnPlan plan(input.file(), output.writer(), errors.writer());
  if (const int error = plan.run(argv_, input_.variables, pid_); error != 0) {
    pid_ = -1;
    return "cannot run " + argv_.front() + ": " + text_of(error);
  }
  output_.descriptor.assign(output.take_reader());
  errors_.descriptor.assign(errors.take_reader());
  // The header of glibc 2.36 declares pidfd_open() for C only.
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U));
  if (process < 0) {
    const std::string problem = "cannot watch " + argv_.front() + ": " + text_of(errno);
    kill_group();
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    return problem;
  }
  process_.assign(process);
  return std::nullopt;
}

void ChildProcess::read(Stream& stream) {
  stream.descriptor.async_read_some(
      asio::buffer(stream.buffer),
      [self = shared_from_this(), &stream](const asio::error_code& error, std::size_t bytes) {
        if (self->finished_) return;
        self->take(stream, std::string_view(stream.buffer.data(), bytes));
        if (self->finished_) return;
        if (!error) return self->read(stream);
        stream.ended = true;
        self->finish_when_done();
      });
}

void ChildProcess::take(const Stream& stream, std::string_view chunk) {
  if (&stream == &errors_) {
    error_text_ += chunk.substr(0, kErrorBytesMax - std::min(kErrorBytesMax, error_text_.size()));
    return;
  }
  output_bytes_ += chunk.size();
  if (output_bytes_ > kOutputBytesMax)
    return fail(core::ProbeFailure::bad_answer, argv_.front() + " prints without end");
  handlers_.output(chunk);
}

// Keeps the object until the child is reaped, also after cancel().
void ChildProcess::await_exit() {
  process_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const asio::error_code& error) {
                        if (error) return;
                        self->reap();
                        self->finish_when_done();
                      });
}

void ChildProcess::reap() {
  // Its own children may hold the pipes open. It is still there as a zombie, so the group's number
  // is nobody else's.
  kill_group();
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  pid_ = -1;
  process_.close();
}

void ChildProcess::kill_group() const {
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

void ChildProcess::fail(core::ProbeFailure reason, const std::string& message) {
  kill_group();
  finish(core::ProbeError{reason, one_line(message)});
}

void ChildProcess::finish_when_done() {
  if (finished_ || pid_ > 0 || !output_.ended || !errors_.ended) return;
  const bool good = status_ && WIFEXITED(*status_) && WEXITSTATUS(*status_) == 0;
  finish(good ? std::nullopt : std::optional(exit_error()));
}

core::ProbeError ChildProcess::exit_error() const {
  std::string message = argv_.front();
  if (!status_) {
    message += " ended in an unknown way";
  } else if (WIFEXITED(*status_)) {
    message += " failed with exit code " + std::to_string(WEXITSTATUS(*status_));
  } else {
    message += " was ended by signal " + std::to_string(WTERMSIG(*status_));
  }
  if (!error_text_.empty()) message += ": " + harmless_start(one_line(error_text_));
  return {core::ProbeFailure::query_failed, one_line(message)};
}

void ChildProcess::finish(std::optional<core::ProbeError> error) {
  if (std::exchange(finished_, true)) return;
  deadline_.cancel();
  asio::error_code ignored;
  output_.descriptor.close(ignored);
  errors_.descriptor.close(ignored);
  const Handlers handlers = std::exchange(handlers_, {});
  if (handlers.end) handlers.end(std::move(error));
}

void ChildProcess::cancel() {
  handlers_ = {};
  kill_group();
  finish(std::nullopt);
}

}  // namespace rpoguard::observe
