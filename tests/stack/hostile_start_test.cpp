// What the process inherits from whoever starts it: descriptors, signals, limits. Needs no servers.
#include <array>
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/process.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

// Nothing answers on the ports of its nodes.
RpoguardConfig config_without_servers() {
  RpoguardConfig config;
  config.shards = {{.nodes = {{.name = "iad-a", .region = "iad", .port = free_port()},
                              {.name = "phx-a", .region = "phx", .port = free_port()}}}};
  return config;
}

// Becomes the program, after what `line` does.
std::vector<std::string> after(const std::string& line) {
  return {"/bin/sh", "-c", line + R"(; exec "$0" "$@")"};
}

// A named pipe that is read only when it is asked to be.
class StuckReader {
 public:
  explicit StuckReader(std::string path) : path_(std::move(path)) {
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    file_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    ::fcntl(file_, F_SETPIPE_SZ, 4096);
  }
  ~StuckReader() { ::close(file_); }
  StuckReader(const StuckReader&) = delete;
  StuckReader& operator=(const StuckReader&) = delete;

  const std::string& path() const { return path_; }
  std::string read_all() const {
    std::string text;
    std::array<char, 4096> piece{};
    for (ssize_t count = 1; count > 0;) {
      count = ::read(file_, piece.data(), piece.size());
      if (count > 0) text.append(piece.data(), static_cast<std::size_t>(count));
    }
    return text;
  }

 private:
  std::string path_;
  int file_ = -1;
};

std::optional<HttpReply> freeze(const Rpoguard& rpoguard, const std::string& verb) {
  return http_call(rpoguard.ops_port(),
                   {.method = "POST",
                    .target = "/-/" + verb + "?shard=184&by=x&reason=" + std::string(400, 'r')});
}

TEST(HostileStart, a_reader_of_stderr_that_is_stuck_stops_nothing) {
  const TempDir dir;
  const StuckReader reader(dir / "log");
  RpoguardConfig config = config_without_servers();
  config.launcher = after("exec 2>" + reader.path());
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  // Some hundred lines, of which the pipe takes a few.
  for (int i = 0; i < 100; ++i) {
    for (const char* verb : {"freeze", "unfreeze"}) {
      const auto reply = freeze(rpoguard, verb);
      ASSERT_TRUE(reply && reply->status == 200) << i << ": the loop waits for the reader";
    }
  }
  EXPECT_EQ(rpoguard.ops("/livez")->status, 200);
  EXPECT_EQ(rpoguard.metric("rpoguard_log_lines_dropped_total"), 0) << "they wait";
  std::string text;
  EXPECT_TRUE(eventually(20s, [&] {
    text += reader.read_all();
    return text.find("writes frozen") != std::string::npos;
  })) << text;
  for (int i = 0; i < 100; ++i) static_cast<void>(freeze(rpoguard, "freeze"));
  EXPECT_EQ(rpoguard.stop(), 0) << "nor does its end wait";
}

TEST(HostileStart, closed_standard_descriptors_are_opened_before_anything_gets_their_number) {
  RpoguardConfig config = config_without_servers();
  config.launcher = after("exec 0<&- 1>&- 2>&-");
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  for (const char* number : {"0", "1", "2"}) {
    EXPECT_EQ(
        std::filesystem::read_symlink("/proc/" + std::to_string(rpoguard.pid()) + "/fd/" + number),
        "/dev/null");
  }
  EXPECT_EQ(rpoguard.stop(), 0);
}

TEST(HostileStart, blocked_and_ignored_signals_are_not_inherited) {
  RpoguardConfig config = config_without_servers();
  config.launcher = {"/usr/bin/env", "--ignore-signal=CHLD", "--block-signal=TERM",
                     "--block-signal=HUP"};
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  EXPECT_EQ(rpoguard.stop(), 0);
}

TEST(HostileStart, a_state_dir_that_another_process_uses_is_refused_and_left_alone) {
  Rpoguard first(config_without_servers());
  first.wait_until_serving();
  ASSERT_EQ(freeze(first, "freeze")->status, 200);
  RpoguardConfig config = config_without_servers();
  config.state_dir = first.state_dir();
  Rpoguard second(config);
  EXPECT_EQ(second.ends(20s), 1);
  EXPECT_NE(second.log().find("is in use by process " + std::to_string(first.pid())),
            std::string::npos)
      << second.log();
  first.kill9();
  first.start();
  first.wait_until_serving();
  EXPECT_EQ(first.metric("rpoguard_frozen", {{"shard", "184"}}), 1);
}

TEST(HostileStart, a_pipe_as_its_state_file_is_an_error_and_no_wait) {
  const TempDir dir;
  std::filesystem::create_directories(dir / "shards");
  ASSERT_EQ(::mkfifo((dir / "shards/184.json").c_str(), 0600), 0);
  RpoguardConfig config = config_without_servers();
  config.state_dir = dir.path();
  Rpoguard rpoguard(config);
  EXPECT_EQ(rpoguard.ends(20s), 1);
  EXPECT_NE(rpoguard.log().find("184.json is a link, a pipe or the like"), std::string::npos)
      << rpoguard.log();
}

TEST(HostileStart, a_pipe_in_the_place_of_the_configuration_is_refused_at_a_reload) {
  Rpoguard rpoguard(config_without_servers());
  rpoguard.wait_until_serving();
  std::filesystem::remove(rpoguard.config_path());
  ASSERT_EQ(::mkfifo(rpoguard.config_path().c_str(), 0600), 0);
  const auto reload = http_call(rpoguard.ops_port(), {.method = "POST", .target = "/-/reload"});
  ASSERT_TRUE(reload.has_value());
  EXPECT_EQ(reload->status, 500);
  EXPECT_NE(reload->body.find("it is a pipe"), std::string::npos) << reload->body;
  EXPECT_EQ(rpoguard.metric("rpoguard_config_last_reload_successful"), 0);
  EXPECT_EQ(freeze(rpoguard, "freeze")->status, 200) << "the loop goes on";
  EXPECT_EQ(rpoguard.stop(), 0);
}

TEST(HostileStart, while_it_waits_for_its_configuration_from_a_pipe_it_can_be_ended) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "config").c_str(), 0600), 0);
  const int writer = ::open((dir / "config").c_str(), O_RDWR | O_CLOEXEC);
  Process program(
      {.argv = {RPOGUARD_BINARY, "serve", "--config.file=" + (dir / "config").string()}});
  const std::string wchan = "/proc/" + std::to_string(program.pid()) + "/syscall";
  ASSERT_TRUE(eventually(20s, [&] { return read_file(wchan).starts_with("0 0x"); })) << "it reads";
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(20s), 128 + SIGTERM);
  ::close(writer);
}

TEST(HostileStart, too_few_descriptors_are_said_in_words) {
  for (const char* limit : {"6", "10", "14", "20"}) {
    RpoguardConfig config = config_without_servers();
    config.launcher = after(std::string("ulimit -n ") + limit);
    Rpoguard rpoguard(config);
    EXPECT_EQ(rpoguard.ends(20s), 1) << limit;
    EXPECT_NE(rpoguard.log().find(std::string("the process may open only ") + limit + " files"),
              std::string::npos)
        << rpoguard.log();
  }
}

TEST(HostileStart, a_freeze_reaches_the_disk_when_callers_have_all_descriptors) {
  Rpoguard rpoguard(config_without_servers());
  rpoguard.wait_until_serving();
  const std::string fds = "/proc/" + std::to_string(rpoguard.pid()) + "/fd";
  rlimit before{};
  ASSERT_EQ(::prlimit(rpoguard.pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  const auto in_use =
      static_cast<rlim_t>(std::distance(std::filesystem::directory_iterator(fds), {}));
  const rlimit low{in_use + 1, before.rlim_max};  // one more, for who gives the order
  ASSERT_EQ(::prlimit(rpoguard.pid(), RLIMIT_NOFILE, &low, nullptr), 0);
  // Now and then the only one is in use for a node.
  EXPECT_TRUE(eventually(20s, [&] {
    const auto reply = freeze(rpoguard, "freeze");
    return reply && reply->status == 200;
  }));
  EXPECT_NE(read_file(rpoguard.state_dir() + "/shards/184.json").find("\"freeze\""),
            std::string::npos);
  ASSERT_EQ(::prlimit(rpoguard.pid(), RLIMIT_NOFILE, &before, nullptr), 0);
}

}  // namespace
}  // namespace rpoguard::test
