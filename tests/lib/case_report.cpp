// Linked into every test program: tells tests/run of each case that began and ended, and puts the
// program into the locale $RPOGUARD_TEST_LOCALE, which no program is in unless it asks for one. The
// system's messages stay English: tests compare them.
//
// One line each is appended to the file $RPOGUARD_CASES, fields separated by tabs:
//   start NAME CASE
//   end NAME CASE WALL_MS CPU_MS ok|failed
// NAME is $RPOGUARD_TEST_NAME, or the program's. A case that starts and does not end took its
// program along. CPU: of the program and of the children that it waited for.
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace rpoguard::test {
namespace {

long long milliseconds(const timeval& time) {
  return time.tv_sec * 1000LL + time.tv_usec / 1000;
}

long long used_by(int who) {
  rusage usage{};
  if (::getrusage(who, &usage) != 0) std::abort();
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

long long cpu_ms() {
  return used_by(RUSAGE_SELF) + used_by(RUSAGE_CHILDREN);
}

std::string name_of_this() {
  const char* given = std::getenv("RPOGUARD_TEST_NAME");
  return given != nullptr ? given : program_invocation_short_name;
}

class CaseReport : public testing::EmptyTestEventListener {
 public:
  void OnTestStart(const testing::TestInfo& info) override {
    append("start\t" + case_of(info));
    cpu_at_start_ = cpu_ms();
  }

  void OnTestEnd(const testing::TestInfo& info) override {
    append("end\t" + case_of(info) + "\t" + std::to_string(info.result()->elapsed_time()) + "\t" +
           std::to_string(cpu_ms() - cpu_at_start_) +
           (info.result()->Passed() ? "\tok" : "\tfailed"));
  }

  // A filter or a shard that leaves nothing would count as success.
  void OnTestProgramEnd(const testing::UnitTest& unit_test) override {
    if (unit_test.test_to_run_count() > 0) return;
    std::printf("no test ran\n");
    std::fflush(nullptr);
    std::_Exit(1);
  }

 private:
  std::string case_of(const testing::TestInfo& info) const {
    return name_ + "\t" + info.test_suite_name() + "." + info.name();
  }

  // By one call, as other programs append to it too.
  void append(const std::string& line) const {
    if (path_ == nullptr) return;
    const int file = ::open(path_, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const std::string text = line + "\n";
    if (file < 0 || ::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      std::perror(path_);
      std::abort();
    }
    ::close(file);
  }

  const char* path_ = std::getenv("RPOGUARD_CASES");
  const std::string name_ = name_of_this();
  long long cpu_at_start_ = 0;
};

// In a locale that is not there the cases would pass in the one they always pass in.
void enter_locale() {
  const char* wanted = std::getenv("RPOGUARD_TEST_LOCALE");
  if (wanted == nullptr) return;
  if (std::setlocale(LC_ALL, wanted) == nullptr || std::setlocale(LC_MESSAGES, "C") == nullptr) {
    std::fprintf(stderr, "no such locale: %s\n", wanted);
    std::abort();
  }
}

// Before main(), which is gtest's.
[[maybe_unused]] const bool listening = [] {
  enter_locale();
  testing::UnitTest::GetInstance()->listeners().Append(new CaseReport);
  return true;
}();

}  // namespace
}  // namespace rpoguard::test
