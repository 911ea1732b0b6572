#include "exporter/observe/system/child_process.hpp"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::observe {
namespace {

using namespace std::chrono_literals;
using rpoguard::test::eventually;
using rpoguard::test::process_runs;
using rpoguard::test::read_file;
using rpoguard::test::TempDir;

class ChildProcessTest : public testing::Test {
 public:
  /// Runs it to its end.
  void run(const std::vector<std::string>& argv, core::Duration timeout = 60s) {
    start(argv, timeout);
    loop_.run();
    EXPECT_EQ(ended_, 1);
  }
  void start(const std::vector<std::string>& argv, core::Duration timeout = 60s) {
    child_ = std::make_shared<ChildProcess>(
        loop_, argv,
        ChildProcess::Handlers{.output = [this](std::string_view chunk) { output_ += chunk; },
                               .end =
                                   [this](std::optional<core::ProbeError> error) {
                                     ++ended_;
                                     error_ = std::move(error);
                                   }});
    child_->start(timeout);
    EXPECT_EQ(ended_, 0);
  }
  void run_script(const std::string& script, core::Duration timeout = 60s) {
    run({"/bin/sh", "-c", script}, timeout);
  }
  std::string message() const { return error_ ? error_->message : "no error"; }
  /// The process whose number the script wrote to the file is gone.
  bool is_gone(const std::string& pid_file) const {
    return eventually(20s, [&] {
      const std::string text = read_file(pid_file);
      return !text.empty() && !process_runs(std::stoi(text));
    });
  }

 protected:
  asio::io_context loop_;
  std::shared_ptr<ChildProcess> child_;
  std::string output_;
  std::optional<core::ProbeError> error_;
  int ended_ = 0;
  TempDir dir_;
};

TEST_F(ChildProcessTest, hands_over_all_that_it_prints) {
  run_script("seq 1 50000");
  EXPECT_FALSE(error_) << message();
  EXPECT_EQ(output_.size(), 288'894U);
  EXPECT_TRUE(output_.ends_with("\n50000\n"));
}

TEST_F(ChildProcessTest, arguments_are_not_for_a_shell) {
  run({"echo", "$HOME; *", "a  b"});
  EXPECT_EQ(output_, "$HOME; * a  b\n");
}

TEST_F(ChildProcessTest, begins_with_a_clean_slate) {
  ::setenv("PGPASSWORD", "secret", 1);
  ::setenv("LC_ALL", "de_DE.UTF-8", 1);
  run({"env"});
  ::unsetenv("PGPASSWORD");
  ::unsetenv("LC_ALL");
  EXPECT_NE(output_.find("LANG=C\n"), std::string::npos) << output_;
  EXPECT_NE(output_.find("PATH="), std::string::npos) << output_;
  EXPECT_EQ(output_.find("secret"), std::string::npos) << output_;
  EXPECT_EQ(output_.find("de_DE"), std::string::npos) << output_;
}

TEST_F(ChildProcessTest, has_no_input_and_no_file_of_ours) {
  const int leaked = ::dup(1);
  // ls itself has the folder open as 3; a leaked one would be a fifth. No pipe: the shell's own end
  // of it may still be open.
  run_script("cat; exec ls /proc/self/fd");
  ::close(leaked);
  EXPECT_EQ(output_, "0\n1\n2\n3\n") << message();
}

TEST_F(ChildProcessTest, sigpipe_ends_it_as_everywhere) {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  run_script("kill -PIPE $$");
  ::signal(SIGPIPE, before);
  EXPECT_EQ(message(), "/bin/sh was ended by signal 13");
}

TEST_F(ChildProcessTest, a_failure_gives_the_first_line_of_its_complaint) {
  run_script("echo listed; echo 'ERROR: [055]: no stanza' >&2; echo more >&2; exit 55");
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->reason, core::ProbeFailure::query_failed);
  EXPECT_EQ(error_->message, "/bin/sh failed with exit code 55: ERROR: [055]: no stanza");
}

TEST_F(ChildProcessTest, a_complaint_ends_where_a_secret_may_begin) {
  const std::string start = "/bin/sh failed with exit code 1: ";
  for (const auto& [complaint, shown] : std::map<std::string, std::string>{
           {"cannot log in to https://u:hush@h.test/ now", "cannot log in to..."},
           {"bad token AKIA0hush today", "bad token..."},
           {"PASSWORD=hush", "..."},
           {"no \"hush\"", "no..."},
           {std::string(40, 'x') + " hush", "..."},
           {"ERROR: [055]: no stanza, (try again)", "ERROR: [055]: no stanza, (try again)"}}) {
    loop_.restart();
    ended_ = 0;
    run_script("printf '%s\\n' '" + complaint + "' >&2; exit 1");
    EXPECT_EQ(message(), start + shown);
  }
}

TEST_F(ChildProcessTest, a_long_complaint_is_cut) {
  run_script("head -c 1000000 /dev/zero | tr '\\0' 'x' >&2; exit 1");
  EXPECT_LE(message().size(), 240U);
}

TEST_F(ChildProcessTest, that_does_not_exist_is_a_failure) {
  run({"/nowhere/lister"});
  EXPECT_EQ(message(), "cannot run /nowhere/lister: No such file or directory");
}

TEST_F(ChildProcessTest, is_killed_with_its_children_at_the_deadline) {
  const std::string pids = dir_ / "pid";
  run_script("echo $$ > " + pids + "; sleep 600 & echo $! > " + pids + "2; echo half; wait", 500ms);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->reason, core::ProbeFailure::timeout);
  EXPECT_EQ(error_->message, "/bin/sh has not ended within 500ms");
  EXPECT_TRUE(is_gone(pids));
  EXPECT_TRUE(is_gone(pids + "2"));
}

TEST_F(ChildProcessTest, leaves_nobody_behind_when_it_ends) {
  const std::string pid = dir_ / "pid";
  run_script("sleep 600 & echo $! > " + pid + "; echo done");
  EXPECT_FALSE(error_) << message();
  EXPECT_EQ(output_, "done\n");
  EXPECT_TRUE(is_gone(pid));
}

TEST_F(ChildProcessTest, is_reaped) {
  run_script("echo $$");
  EXPECT_EQ(::waitpid(std::stoi(output_), nullptr, WNOHANG), -1) << "it is left";
}

TEST_F(ChildProcessTest, cancelled_it_says_nothing_and_is_gone) {
  const std::string pid = dir_ / "pid";
  start({"/bin/sh", "-c", "echo $$ > " + pid + "; exec sleep 600"});
  EXPECT_TRUE(eventually(20s, [&] { return read_file(pid).ends_with('\n'); }));
  child_->cancel();
  child_.reset();
  loop_.run();
  EXPECT_EQ(ended_, 0);
  EXPECT_TRUE(is_gone(pid));
  EXPECT_EQ(::waitpid(std::stoi(read_file(pid)), nullptr, WNOHANG), -1) << "it is left";
}

TEST_F(ChildProcessTest, prints_without_end_and_is_stopped) {
  run({"yes", std::string(4000, 'y')});
  EXPECT_EQ(message(), "yes prints without end");
  EXPECT_LE(output_.size(), ChildProcess::kOutputBytesMax);
}

}  // namespace
}  // namespace rpoguard::observe
