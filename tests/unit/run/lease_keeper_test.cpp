#include "exporter/run/lease_keeper.hpp"

#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "exporter/serve/lease/rpoguard_lease.h"

#include "tests/support/temp_dir.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using run::LeaseKeeper;

core::Instant boot_now() {
  return core::Instant(core::Duration(static_cast<std::int64_t>(rpoguard_lease_now_ns())));
}

std::shared_ptr<core::View> view_at(const std::string& path, std::size_t shards = 1) {
  auto view = healthy_view(boot_now(), shards);
  auto spec = std::make_shared<core::Spec>(*view->spec);
  spec->lease_path = path;
  view->spec = spec;
  return view;
}

bool open(const std::string& path, const std::string& shard = "s0") {
  rpoguard_lease_page page{};
  if (rpoguard_lease_map(&page, path.c_str()) != 0) return false;
  const bool is_open = rpoguard_lease_open(rpoguard_lease_find(&page, shard.c_str()), 0) != 0;
  rpoguard_lease_unmap(&page);
  return is_open;
}

class LeaseKeeperTest : public ::testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = dir_ / "lease";
  core::Instant now_ = boot_now();
};

TEST_F(LeaseKeeperTest, without_a_path_there_is_no_page) {
  LeaseKeeper keeper;
  EXPECT_EQ(keeper.publish(*view_at(""), now_), std::nullopt);
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(LeaseKeeperTest, follows_path_and_shards_of_the_configuration) {
  LeaseKeeper keeper;
  EXPECT_EQ(keeper.publish(*view_at(path_), now_), true);
  EXPECT_TRUE(open(path_));
  EXPECT_FALSE(open(path_, "s1"));
  keeper.publish(*view_at(path_, 2), now_);
  EXPECT_TRUE(open(path_, "s1"));
  keeper.publish(*view_at(path_ + ".other", 2), now_);
  EXPECT_FALSE(open(path_));
  EXPECT_TRUE(open(path_ + ".other"));
  keeper.publish(*view_at("", 2), now_);
  EXPECT_FALSE(open(path_ + ".other"));
}

TEST_F(LeaseKeeperTest, tries_again_when_no_page_could_be_made) {
  LeaseKeeper keeper;
  const std::string path = dir_ / "later" / "lease";
  EXPECT_EQ(keeper.publish(*view_at(path), now_), false);
  std::filesystem::create_directory(dir_ / "later");
  EXPECT_EQ(keeper.publish(*view_at(path), now_ + LeaseKeeper::kRetry - 1ms), false);
  EXPECT_FALSE(open(path));
  EXPECT_EQ(keeper.publish(*view_at(path), now_ + LeaseKeeper::kRetry), true);
  EXPECT_TRUE(open(path));
}

// Else a removed shard would stay open in the old page for as long as its lease.
TEST_F(LeaseKeeperTest, a_page_that_cannot_be_replaced_is_closed_all_the_same) {
  LeaseKeeper keeper;
  keeper.publish(*view_at(path_, 2), now_);
  rpoguard_lease_page old{};
  ASSERT_EQ(rpoguard_lease_map(&old, path_.c_str()), 0);
  const auto* record = rpoguard_lease_find(&old, "s1");
  ASSERT_NE(rpoguard_lease_open(record, 0), 0);
  std::filesystem::create_directories(std::filesystem::path(path_ + ".new") / "in the way");
  keeper.publish(*view_at(path_, 1), now_);
  EXPECT_EQ(rpoguard_lease_open(record, 0), 0);
  rpoguard_lease_unmap(&old);
  std::filesystem::remove_all(path_ + ".new");
  keeper.publish(*view_at(path_, 1), now_ + LeaseKeeper::kRetry);
  EXPECT_TRUE(open(path_));
}

TEST_F(LeaseKeeperTest, a_page_that_somebody_spoils_comes_back_with_the_next_update) {
  LeaseKeeper keeper;
  keeper.publish(*view_at(path_), now_);
  for (const std::function<void()>& spoil : {
           std::function<void()>([&] { std::filesystem::resize_file(path_, 0); }),
           std::function<void()>([&] { std::filesystem::resize_file(path_, 100); }),
           std::function<void()>([&] { std::filesystem::remove(path_); }),
           std::function<void()>([&] { write_file(path_, std::string(384, 'x')); }),
       }) {
    rpoguard_lease_page reader{};
    ASSERT_EQ(rpoguard_lease_map(&reader, path_.c_str()), 0);
    spoil();
    EXPECT_EQ(keeper.publish(*view_at(path_), now_), true);
    EXPECT_TRUE(open(path_));
    EXPECT_NE(rpoguard_lease_superseded(&reader), 0) << "who has mapped it learns of the new one";
    EXPECT_NE(rpoguard_lease_refresh(&reader, path_.c_str()), 0);
    rpoguard_lease_unmap(&reader);
  }
}

// What it held is closed all the same, and what is there is not rpoguard's.
TEST_F(LeaseKeeperTest, a_file_of_somebody_else_in_its_place_is_left_alone) {
  LeaseKeeper keeper;
  keeper.publish(*view_at(path_), now_);
  std::filesystem::rename(path_, path_ + ".moved");
  write_file(path_, "hello");
  EXPECT_EQ(keeper.publish(*view_at(path_), now_), false);
  EXPECT_EQ(read_file(path_), "hello");
  EXPECT_FALSE(open(path_ + ".moved"));
  std::filesystem::remove(path_);
  EXPECT_EQ(keeper.publish(*view_at(path_), now_ + LeaseKeeper::kRetry), true);
  EXPECT_TRUE(open(path_));
}

TEST_F(LeaseKeeperTest, leaves_the_path_to_another_rpoguard_that_took_it) {
  LeaseKeeper first;
  first.publish(*view_at(path_), now_);
  LeaseKeeper second;
  second.publish(*view_at(path_), now_);
  const auto inode = [&] {
    struct stat info {};
    EXPECT_EQ(::stat(path_.c_str(), &info), 0);
    return info.st_ino;
  };
  const auto of_second = inode();
  EXPECT_EQ(first.publish(*view_at(path_), now_), false);
  EXPECT_EQ(first.publish(*view_at(path_), now_ + 1h), false);
  EXPECT_EQ(inode(), of_second);
  second.close();
  EXPECT_FALSE(open(path_));
  first.publish(*view_at(path_ + ".own"), now_);
  EXPECT_TRUE(open(path_ + ".own"));
}

}  // namespace
}  // namespace rpoguard::test
