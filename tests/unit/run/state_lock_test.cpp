#include "exporter/run/state_lock.hpp"

#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/temp_dir.hpp"

namespace rpoguard::run {
namespace {

using test::read_file;
using test::TempDir;
using test::write_file;

TEST(StateLock, is_had_by_one_at_a_time_who_is_named) {
  const TempDir dir;
  auto first = StateLock::take(dir.path());
  ASSERT_TRUE(first.ok());
  const auto second = StateLock::take(dir.path());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("by process " + std::to_string(::getpid())),
            std::string::npos)
      << second.error().message;
  { const StateLock ended = std::move(first).value(); }
  EXPECT_TRUE(StateLock::take(dir.path()).ok());
}

TEST(StateLock, whatever_an_earlier_file_says_does_not_matter) {
  const TempDir dir;
  write_file(dir / "lock", "a long text that is no number");
  const auto lock = StateLock::take(dir.path());
  EXPECT_TRUE(lock.ok());
  EXPECT_EQ(read_file(dir / "lock"), std::to_string(::getpid()) + "\n");
}

TEST(StateLock, what_stands_in_the_place_of_its_file_is_refused_without_waiting) {
  const TempDir dir;
  write_file(dir / "precious", "precious");
  std::filesystem::create_symlink(dir / "precious", dir / "lock");
  EXPECT_FALSE(StateLock::take(dir.path()).ok());
  EXPECT_EQ(read_file(dir / "precious"), "precious");
  std::filesystem::remove(dir / "lock");
  ASSERT_EQ(::mkfifo((dir / "lock").c_str(), 0600), 0);
  EXPECT_FALSE(StateLock::take(dir.path()).ok());
  std::filesystem::remove(dir / "lock");
  std::filesystem::create_directory(dir / "lock");
  EXPECT_FALSE(StateLock::take(dir.path()).ok());
}

}  // namespace
}  // namespace rpoguard::run
