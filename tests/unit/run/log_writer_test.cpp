#include "exporter/run/log_writer.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace rpoguard::run {
namespace {

using namespace std::chrono_literals;

std::string render_dropped(std::uint64_t count) {
  return "dropped " + std::to_string(count) + "\n";
}

// The sum of what a log says.
std::uint64_t dropped_in(const std::string& text) {
  std::uint64_t sum = 0;
  const std::string word = "dropped ";
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    sum += std::stoull(text.substr(at + word.size()));
  return sum;
}

class LogWriterTest : public ::testing::Test {
 protected:
  LogWriterTest() {
    std::signal(SIGPIPE, SIG_IGN);  // as in the program
    EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0);
  }
  ~LogWriterTest() override {
    stop_reading();
    ::close(ends_[1]);
  }

  void stop_reading() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  // All that is written until it ends with this.
  std::string read_until(const std::string& end) const {
    std::string text;
    std::array<char, 4096> piece{};
    while (!text.ends_with(end)) {
      const ssize_t count = ::read(ends_[0], piece.data(), piece.size());
      if (count <= 0) break;
      text.append(piece.data(), static_cast<std::size_t>(count));
    }
    return text;
  }
  // More than a pipe takes. Says how many lines that are.
  std::uint64_t write_more_than_fits(LogWriter& writer) const {
    const std::string line(1000, 'x');
    const auto lines = static_cast<std::uint64_t>(::fcntl(ends_[1], F_GETPIPE_SZ)) / 1000 + 100;
    for (std::uint64_t i = 0; i < lines; ++i) writer.write(line + "\n");
    return lines;
  }

  std::array<int, 2> ends_{-1, -1};
};

TEST_F(LogWriterTest, writes_lines_in_their_order) {
  LogWriter writer(ends_[1], render_dropped);
  for (const char* line : {"one\n", "two\n", "three\n"}) writer.write(line);
  EXPECT_EQ(read_until("three\n"), "one\ntwo\nthree\n");
  EXPECT_TRUE(writer.flush(10s));
  EXPECT_EQ(writer.dropped(), 0U);
}

TEST_F(LogWriterTest, nobody_waits_for_a_reader_that_is_stuck_and_the_oldest_lines_go) {
  LogWriter writer(ends_[1], render_dropped, 10'000);
  const std::string line = std::string(999, 'x') + "\n";
  while (writer.flush(20ms)) writer.write(line);  // until the pipe is full
  for (int i = 0; i < 20; ++i) writer.write(line);
  EXPECT_GE(writer.dropped(), 10U);
  EXPECT_LE(writer.dropped(), 20U);
  writer.write("last\n");
  const std::string text = read_until("last\n");
  EXPECT_EQ(dropped_in(text), writer.dropped()) << "said in the place of what is missing";
  EXPECT_TRUE(writer.flush(10s));
}

TEST_F(LogWriterTest, a_line_that_is_larger_than_all_that_may_wait_is_dropped) {
  LogWriter writer(ends_[1], render_dropped, 100);
  writer.write(std::string(101, 'x') + "\n");
  writer.write("next\n");
  EXPECT_EQ(read_until("next\n"), "dropped 1\nnext\n");
}

TEST_F(LogWriterTest, a_full_pipe_that_was_made_non_blocking_loses_nothing) {
  ASSERT_EQ(::fcntl(ends_[1], F_SETFL, O_NONBLOCK), 0);
  LogWriter writer(ends_[1], render_dropped);
  const std::uint64_t lines = write_more_than_fits(writer);
  EXPECT_FALSE(writer.flush(1ms));
  writer.write("last\n");
  EXPECT_EQ(read_until("last\n").size(), lines * 1001 + 5);
  EXPECT_EQ(writer.dropped(), 0U);
}

TEST_F(LogWriterTest, counts_what_a_reader_that_went_away_does_not_read) {
  LogWriter writer(ends_[1], render_dropped);
  stop_reading();
  writer.write("one\n");
  EXPECT_TRUE(writer.flush(10s));
  EXPECT_EQ(writer.dropped(), 1U);
}

// Its thread may go on for a moment, so that the descriptor of its own is never closed.
TEST_F(LogWriterTest, its_end_waits_for_nobody) {
  const int own = ::fcntl(ends_[1], F_DUPFD_CLOEXEC, 0);
  ASSERT_GE(own, 0);
  const auto writer = std::make_unique<LogWriter>(own, render_dropped, 10'000);
  write_more_than_fits(*writer);
}

}  // namespace
}  // namespace rpoguard::run
