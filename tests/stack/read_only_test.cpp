// The program as an unprivileged user on a file system that is read-only but for state_dir.
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// Mounts of its own, all read-only but for $STATE if that is a directory, then the rest of the
/// command without any right of root.
std::vector<std::string> confined(const std::string& state) {
  const std::string user = unprivileged_user();
  const std::string script =
      "set -e\n"
      "if [ -d \"$STATE\" ]; then mount --bind \"$STATE\" \"$STATE\"; fi\n"
      "stays() {\n"
      "  case $1:$2 in \"$STATE\":* | *:proc | *:sysfs | *:cgroup* | *:devpts) ;; *) false ;; "
      "esac\n"
      "}\n"
      "while read -r _ target type _; do\n"
      "  stays \"$target\" \"$type\" || mount -o remount,bind,ro \"$target\" || true\n"
      "done </proc/self/mounts\n"
      "while read -r _ target type _; do\n"
      "  stays \"$target\" \"$type\" || [ ! -w \"$target\" ] || { echo \"$target is writable\"; "
      "exit 9; }\n"
      "done </proc/self/mounts\n"
      "if touch /tmp/rpoguard-writable; then echo /tmp is writable; exit 9; fi\n"
      "exec \"$@\"\n";
  std::vector<std::string> argv{
      "env", "STATE=" + state, "unshare", user.empty() ? "-rm" : "-m", "sh", "-c", script, "sh"};
  if (!user.empty())
    argv.insert(argv.end(),
                {"setpriv", "--reuid=" + user, "--regid=" + user, "--init-groups", "--no-new-privs",
                 "--pdeathsig=KILL", "--inh-caps=-all", "--bounding-set=-all"});
  return argv;
}

CommandResult in_mounts_of(const Rpoguard& rpoguard, const std::vector<std::string>& command) {
  std::vector<std::string> argv{"nsenter", "-t", std::to_string(rpoguard.pid()), "-m"};
  if (::geteuid() != 0) argv.insert(argv.end(), {"-U", "--preserve-credentials"});
  argv.insert(argv.end(), command.begin(), command.end());
  return run_command({.argv = argv});
}

class ReadOnly : public ::testing::Test {
 protected:
  ReadOnly() { give_to(unprivileged_user(), dir_.path()); }

  RpoguardConfig config(const std::string& writable) const {
    RpoguardConfig config = RegionPair::rpoguard_config({&pair_});
    config.state_dir = dir_.path();
    config.launcher = confined(writable);
    return config;
  }
  CommandResult freeze(const Rpoguard& rpoguard) const {
    return run_command({.argv = {RPOGUARD_BINARY, "freeze", "184", "--reason", "drill", "--url",
                                 "http://127.0.0.1:" + std::to_string(rpoguard.ops_port())}});
  }

  const RegionPair pair_;
  const TempDir dir_;
};

TEST_F(ReadOnly, it_runs_without_any_right_and_keeps_its_state) {
  Rpoguard rpoguard(config(dir_.path()));
  EXPECT_TRUE(starts_open(rpoguard));
  const std::string process = "/proc/" + std::to_string(rpoguard.pid());
  const std::string status = read_file(process + "/status");
  EXPECT_NE(status.find("CapEff:\t0000000000000000"), std::string::npos) << status;
  const CommandResult written = in_mounts_of(rpoguard, {"touch", "/tmp/rpoguard-writable"});
  EXPECT_NE(written.exit_code, 0);
  EXPECT_NE(written.output.find("Read-only file system"), std::string::npos) << written.output;
  EXPECT_EQ(rpoguard.metric("rpoguard_state_saved", {{"shard", "184"}}), 1);
  EXPECT_GT(rpoguard.metric("process_open_fds").value_or(0), 0);

  // What the kernel keeps from others of the same user belongs to root there.
  struct stat memory {};
  ASSERT_EQ(::stat((process + "/environ").c_str(), &memory), 0);
  EXPECT_EQ(memory.st_uid, 0u) << "it can be dumped";
  if (!unprivileged_user().empty()) {
    std::vector<std::string> other = confined(dir_.path());
    other.insert(other.end(), {"stat", "-c", "%u", "/proc/self/environ"});
    EXPECT_NE(run_command({.argv = other}).output, "0\n") << "this shows nothing here";
  }

  EXPECT_EQ(freeze(rpoguard).exit_code, 0);
  EXPECT_EQ(rpoguard.stop(), 0) << rpoguard.log();
  rpoguard.start();
  rpoguard.wait_until_serving();
  EXPECT_TRUE(eventually(20s, [&] { return rpoguard.gate_reason("184") == "frozen"; }));
}

TEST_F(ReadOnly, it_does_not_start_without_a_place_for_its_state) {
  Rpoguard rpoguard(config("/nonexistent"));
  EXPECT_EQ(rpoguard.ends(20s), 1);
  const std::string log = rpoguard.log();
  EXPECT_NE(log.find("msg=\"cannot start\" error=\"cannot make state_dir " + dir_.path().string() +
                     "/shards: Read-only file system\" hint=\"check state_dir and its owner\""),
            std::string::npos)
      << log;
}

TEST_F(ReadOnly, a_disk_that_becomes_read_only_shows_and_a_freeze_says_that_it_would_be_forgotten) {
  Rpoguard rpoguard(config(dir_.path()));
  EXPECT_TRUE(starts_open(rpoguard));
  const auto remounted =
      in_mounts_of(rpoguard, {"mount", "-o", "remount,bind,ro", dir_.path().string()});
  ASSERT_EQ(remounted.exit_code, 0) << remounted.output;
  const CommandResult frozen = freeze(rpoguard);
  EXPECT_EQ(frozen.exit_code, 1);
  EXPECT_NE(frozen.output.find("in force, but not on disk"), std::string::npos) << frozen.output;
  EXPECT_EQ(rpoguard.gate_reason("184"), "frozen");
  EXPECT_EQ(rpoguard.metric("rpoguard_state_saved", {{"shard", "184"}}), 0);
  EXPECT_NE(rpoguard.log().find("Read-only file system"), std::string::npos) << rpoguard.log();
}

}  // namespace
}  // namespace rpoguard::test
