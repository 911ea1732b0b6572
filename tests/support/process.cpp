#include "tests/support/process.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

extern char** environ;

namespace rpoguard::test {
namespace {

namespace fs = std::filesystem;

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

std::optional<Account> account_of(const std::string& user) {
  if (user.empty() || geteuid() != 0) return std::nullopt;
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr) throw std::runtime_error("no such user: " + user);
  Account account{entry->pw_uid, entry->pw_gid, std::vector<gid_t>(64)};
  int count = static_cast<int>(account.groups.size());
  if (getgrouplist(user.c_str(), account.gid, account.groups.data(), &count) < 0) count = 1;
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

std::string find_in_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string rest = std::string(path != nullptr ? path : "") + ":/usr/local/sbin:/usr/sbin:/sbin";
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string candidate = rest.substr(0, colon) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  throw std::runtime_error("command not found: " + name);
}

/// Everything the child needs, made before fork: between fork and exec a child of a threaded
/// program may only call async-signal-safe functions.
struct Prepared {
  std::string file;
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::vector<char*> argv_pointers;
  std::vector<char*> env_pointers;
  std::optional<Account> account;
  std::string output;
  std::string directory;
  int death_signal = SIGKILL;
  pid_t parent = getpid();
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void prepare(const SpawnOptions& options, Prepared& prepared) {
  prepared.file = find_in_path(options.argv.at(0));
  prepared.argv = options.argv;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!options.env.contains(text.substr(0, text.find('=')))) prepared.env.push_back(text);
  }
  for (const auto& [name, value] : options.env) prepared.env.push_back(name + "=" + value);
  prepared.argv_pointers = pointers_to(prepared.argv);
  prepared.env_pointers = pointers_to(prepared.env);
  prepared.account = account_of(options.user);
  prepared.output = options.output.empty() ? "/dev/null" : options.output;
  prepared.directory = options.directory;
  prepared.death_signal = options.death_signal;
}

/// In the child: async-signal-safe only. Returns the errno that stopped it.
int become(const Prepared& prepared) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY);
  const int out = open(prepared.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
    return errno;
  }
  if (null > 2) close(null);
  if (out > 2) close(out);
  if (!prepared.directory.empty() && chdir(prepared.directory.c_str()) != 0) return errno;
  if (prepared.account) {
    const Account& account = *prepared.account;
    if (setgroups(account.groups.size(), account.groups.data()) != 0) return errno;
    if (setgid(account.gid) != 0 || setuid(account.uid) != 0) return errno;
  }
  // After setuid, which clears it; the parent may be gone already.
  prctl(PR_SET_PDEATHSIG, prepared.death_signal);
  if (getppid() != prepared.parent) return ESRCH;
  execve(prepared.file.c_str(), prepared.argv_pointers.data(), prepared.env_pointers.data());
  return errno;
}

/// State and parent of a process from /proc; absent when it is gone.
struct Stat {
  char state = 'Z';
  pid_t parent = 0;
};

std::optional<Stat> stat_of(const std::string& pid) {
  const std::string text = read_file("/proc/" + pid + "/stat");
  const std::size_t name_end = text.rfind(") ");  // the name may hold blanks and brackets
  if (name_end == std::string::npos || name_end + 4 >= text.size()) return std::nullopt;
  Stat stat;
  stat.state = text[name_end + 2];
  const char* begin = text.data() + name_end + 4;
  std::from_chars(begin, text.data() + text.size(), stat.parent);
  return stat;
}

void append_descendants(pid_t root, std::vector<pid_t>& found) {
  std::error_code error;
  std::vector<std::pair<pid_t, pid_t>> parents;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    if (const auto stat = stat_of(name); stat && stat->state != 'Z') {
      parents.emplace_back(pid, stat->parent);
    }
  }
  std::vector<pid_t> open{root};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    for (const auto& [pid, its_parent] : parents) {
      if (its_parent != parent) continue;
      found.push_back(pid);
      open.push_back(pid);
    }
  }
}

}  // namespace

bool process_runs(pid_t pid) {
  const auto stat = stat_of(std::to_string(pid));
  return stat && stat->state != 'Z';
}

Process::Process(const SpawnOptions& options) {
  Prepared prepared;
  prepare(options, prepared);
  std::array<int, 2> failure{};
  if (pipe2(failure.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    const int error = become(prepared);
    [[maybe_unused]] const ssize_t written = write(failure[1], &error, sizeof error);
    _exit(127);
  }
  close(failure[1]);
  int error = 0;
  const ssize_t got = read(failure[0], &error, sizeof error);
  close(failure[0]);
  if (got == 0) return;  // closed by exec
  waitpid(pid_, nullptr, 0);
  throw std::runtime_error("cannot run " + prepared.file + ": " + std::strerror(error));
}

Process::~Process() {
  if (running()) kill_tree();
}

bool Process::running() {
  if (exit_code_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

void Process::signal(int number) const {
  if (!exit_code_) kill(pid_, number);
}

void Process::signal_tree(int number) const {
  if (exit_code_) return;
  kill(pid_, number);
  std::vector<pid_t> all;
  append_descendants(pid_, all);
  for (const pid_t pid : all) kill(pid, number);
}

void Process::kill_tree() {
  if (!running()) return;
  // Stopped, none of them can start another or notice that the rest is going.
  std::vector<pid_t> all;
  kill(pid_, SIGSTOP);
  std::size_t known = 0;
  do {
    known = all.size();
    all.clear();
    append_descendants(pid_, all);
    for (const pid_t pid : all) kill(pid, SIGSTOP);
  } while (all.size() != known);
  for (const pid_t pid : all) kill(pid, SIGKILL);
  kill(pid_, SIGKILL);
  const bool gone =
      wait(std::chrono::seconds(30)).has_value() && eventually(std::chrono::seconds(30), [&] {
        for (const pid_t pid : all) {
          if (process_runs(pid)) return false;
        }
        return true;
      });
  if (!gone) std::terminate();  // unkillable: going on would make the next failure a riddle
}

std::optional<int> Process::wait(std::chrono::nanoseconds deadline) {
  if (!eventually(
          deadline, [this] { return !running(); }, std::chrono::milliseconds(2))) {
    return std::nullopt;
  }
  return exit_code_;
}

CommandResult run_command(const SpawnOptions& options, std::chrono::nanoseconds deadline) {
  const TempDir dir;
  SpawnOptions captured = options;
  captured.output = dir / "output";
  write_file(captured.output, "");
  Process process(captured);
  const std::optional<int> code = process.wait(deadline);
  if (!code) process.kill_tree();
  return {code.value_or(124), read_file(captured.output)};
}

void send_signal(pid_t pid, int number) {
  if (pid <= 0 || kill(pid, number) != 0)
    throw std::system_error(errno, std::generic_category(), "signal to " + std::to_string(pid));
}

std::string unprivileged_user() {
  if (geteuid() != 0) return "";
  for (const char* name : {"postgres", "nobody"}) {
    if (getpwnam(name) != nullptr) return name;
  }
  throw std::runtime_error("no unprivileged user to run servers as");
}

void give_to(const std::string& user, const std::string& path) {
  const std::optional<Account> account = account_of(user);
  if (!account) return;
  const auto give = [&](const std::string& file) {
    if (lchown(file.c_str(), account->uid, account->gid) != 0) {
      throw std::runtime_error("cannot change the owner of " + file);
    }
  };
  give(path);
  if (!fs::is_directory(path)) return;
  for (const auto& entry : fs::recursive_directory_iterator(path)) give(entry.path());
}

}  // namespace rpoguard::test
