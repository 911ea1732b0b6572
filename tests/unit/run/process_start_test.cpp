#include "exporter/run/process_start.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace rpoguard::run {
namespace {

bool is_null_device(int descriptor) {
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor)) ==
         "/dev/null";
}

// In a child: the test needs its own.
[[noreturn]] void close_some_and_open_them() {
  ::dup2(::open("/dev/zero", O_RDWR | O_CLOEXEC), STDOUT_FILENO);
  ::close(STDIN_FILENO);
  ::close(STDERR_FILENO);
  const bool opened = open_standard_descriptors();
  const int next = ::open("/dev/null", O_RDONLY);
  std::_Exit(opened && next > STDERR_FILENO && is_null_device(STDIN_FILENO) &&
                     !is_null_device(STDOUT_FILENO) && is_null_device(STDERR_FILENO)
                 ? 0
                 : 1);
}

[[noreturn]] void inherit_signals_and_reset_them(int number) {
  std::signal(SIGTERM, SIG_IGN);
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  reset_signals();
  ::raise(number);
  std::_Exit(0);
}

[[noreturn]] void lower_the_limit_and_raise_it() {
  rlimit low{};
  low.rlim_cur = 100;
  low.rlim_max = 200;
  ::setrlimit(RLIMIT_NOFILE, &low);
  std::_Exit(raise_descriptor_limit() == 200 ? 0 : 1);
}

TEST(ProcessStartDeathTest, opens_what_is_closed_and_nothing_else) {
  EXPECT_EXIT(close_some_and_open_them(), ::testing::ExitedWithCode(0), "");
}

TEST(ProcessStartDeathTest, before_the_program_listens_itself_only_what_asks_for_an_end_ends_it) {
  for (const int harmless : {SIGHUP, SIGPIPE, SIGCHLD})
    EXPECT_EXIT(inherit_signals_and_reset_them(harmless), ::testing::ExitedWithCode(0), "");
  for (const int number : {SIGTERM, SIGINT})
    EXPECT_EXIT(inherit_signals_and_reset_them(number), ::testing::KilledBySignal(number), "");
}

TEST(ProcessStartDeathTest, raises_the_limit_of_open_files_to_what_is_allowed) {
  EXPECT_EXIT(lower_the_limit_and_raise_it(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace rpoguard::run
