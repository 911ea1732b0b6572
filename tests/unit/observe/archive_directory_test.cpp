#include "exporter/observe/archive/archive_directory.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/observe/archive_files.hpp"

namespace rpoguard::observe {
namespace {

using namespace archives;
using rpoguard::test::TempDir;
using rpoguard::test::write_file;

const std::string kHash = "-00112233445566778899aabbccddeeff00112233";

class ArchiveDirectoryTest : public testing::Test {
 public:
  static std::string name(std::uint32_t segment, std::uint32_t timeline = 1) {
    return render_segment_name({timeline, 0, segment});
  }
  void add(std::uint32_t segment, std::uint64_t cluster = kCluster, const std::string& below = ".",
           std::uint32_t timeline = 1) {
    write_sized(dir_.path() / below / name(segment, timeline),
                page_header(timeline, segment * kMiB, cluster), kMiB);
  }
  core::ArchiveFacts look() {
    auto outcome = directory_.look();
    const auto* error = std::get_if<core::ProbeError>(&outcome);
    EXPECT_EQ(error, nullptr) << error->message;
    return error == nullptr ? std::get<core::ArchiveFacts>(outcome) : core::ArchiveFacts{};
  }
  /// "3-5 7": the runs of timeline 1 in log 0.
  std::string seen() {
    std::string text;
    for (const core::ArchivedRun& run : look().runs) {
      text += (text.empty() ? "" : " ") + std::to_string(run.first);
      if (run.last != run.first) text += "-" + std::to_string(run.last);
    }
    return text;
  }

 protected:
  TempDir dir_;
  ArchiveDirectory directory_{dir_.path()};
};

using DirectoryError = ArchiveDirectoryTest;

TEST_F(ArchiveDirectoryTest, holds_whole_segments_and_whose_they_are) {
  for (const std::uint32_t segment : {3U, 4U, 5U, 7U}) add(segment);
  write_file(dir_ / "00000002.history", "1\t0/500000\tno recovery target specified\n");
  write_file(dir_ / "000000010000000000000008.partial", "x");
  write_file(dir_ / ".000000010000000000000009", "x");
  EXPECT_EQ(seen(), "3-5 7");
  EXPECT_EQ(look().system_identifier, kCluster);
  EXPECT_FALSE(look().holes_invisible);
  EXPECT_FALSE(look().last_backup);
}

TEST_F(ArchiveDirectoryTest, is_read_to_its_end_by_and_by) {
  constexpr std::uint32_t kOthers = 5;
  for (std::uint32_t segment = 1; segment <= ArchiveDirectory::kHeadersMax + kOthers; ++segment)
    add(segment, segment <= kOthers ? kCluster + 1 : kCluster);
  const std::string last = std::to_string(ArchiveDirectory::kHeadersMax + kOthers);
  EXPECT_EQ(seen(), "1-" + last) << "not read yet";
  EXPECT_EQ(seen(), "6-" + last) << "another cluster's archiver was there first";
  EXPECT_EQ(seen(), "6-" + last);
}

TEST_F(ArchiveDirectoryTest, a_copy_in_progress_is_no_segment_until_it_is_whole) {
  add(3);
  write_sized(dir_ / name(4), page_header(1, 4 * kMiB), kMiB / 2);
  EXPECT_EQ(seen(), "3");
  write_sized(dir_ / name(4), "", kMiB);
  EXPECT_EQ(seen(), "3") << "room made, nothing written";
  add(4);
  EXPECT_EQ(seen(), "3-4");
}

TEST_F(ArchiveDirectoryTest, forgets_what_is_expired_and_sees_what_comes_back_broken) {
  for (const std::uint32_t segment : {3U, 4U, 5U}) add(segment);
  EXPECT_EQ(seen(), "3-5");
  std::filesystem::remove(dir_ / name(4));
  EXPECT_EQ(seen(), "3 5");
  write_sized(dir_ / name(4), "", 17);
  EXPECT_EQ(seen(), "3 5");
}

TEST_F(ArchiveDirectoryTest, segments_may_lie_in_log_directories) {
  add(3, kCluster, "0000000100000000");
  add(4, kCluster, "0000000100000000");
  add(1, kCluster, "0000000200000000", 2);
  EXPECT_EQ(look().runs.size(), 2U);
  add(5);  // beside the log directories: the same home
  EXPECT_EQ(look().runs.front().last, 5U);
}

TEST_F(ArchiveDirectoryTest, may_be_named_from_above_as_long_as_it_is_one) {
  add(3, kCluster, "demo/15-1/0000000100000000");
  EXPECT_EQ(seen(), "3");
  add(4, kCluster, "demo/16-2/0000000100000000");
  const auto outcome = directory_.look();
  const auto* error = std::get_if<core::ProbeError>(&outcome);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->reason, core::ProbeFailure::bad_answer);
  EXPECT_NE(error->message.find("name one of them"), std::string::npos);
}

TEST_F(ArchiveDirectoryTest, is_not_searched_without_end) {
  add(3, kCluster, "a/b/c/d");
  EXPECT_EQ(seen(), "");
  std::filesystem::create_directory_symlink(dir_.path(), dir_ / "loop");
  EXPECT_EQ(seen(), "");
}

TEST_F(ArchiveDirectoryTest, what_pgbackrest_renamed_into_place_is_whole) {
  write_file(dir_ / (name(3) + kHash + ".gz"), "encrypted, perhaps");
  write_sized(dir_ / (name(4) + kHash), "Salted__", kMiB + 32);
  write_sized(dir_ / (name(5) + kHash), page_header(1, 5 * kMiB), kMiB);
  write_file(dir_ / (name(6) + kHash + ".gz.pgbackrest.tmp"), "half of it");
  write_file(dir_ / (name(7) + kHash), "");
  EXPECT_EQ(seen(), "3-5");
  EXPECT_EQ(look().system_identifier, kCluster);
}

TEST_F(ArchiveDirectoryTest, compressed_files_count_by_their_end) {
  write_file(dir_ / (name(3) + ".gz"),
             "\x1F\x8B" + std::string(50, 'd') + little_endian(16 * kMiB, 4));
  write_file(dir_ / (name(4) + ".gz"), "\x1F\x8B" + std::string(50, 'd'));
  EXPECT_EQ(seen(), "3");
  EXPECT_FALSE(look().system_identifier);
}

TEST_F(ArchiveDirectoryTest, what_barman_compressed_under_its_own_name_counts_by_its_end) {
  const std::string whole = "\x1F\x8B" + std::string(50, 'd') + little_endian(16 * kMiB, 4);
  write_file(dir_ / name(3), whole);
  write_file(dir_ / name(4), whole.substr(0, 40));
  write_file(dir_ / name(5), "\xFF\x06" + std::string(2, '\0') + "sNaPpYdata");
  EXPECT_EQ(seen(), "3") << "nobody can tell yet whether 5 is whole";
  write_file(dir_ / name(6), "half a segment, not compressed");
  add(7);
  EXPECT_EQ(seen(), "3 5 7");
}

TEST_F(ArchiveDirectoryTest, says_what_it_does_not_know) {
  write_file(dir_ / (name(3) + ".enc"), "Salted__");
  EXPECT_EQ(seen(), "");
  ASSERT_TRUE(look().unknown_files);
  EXPECT_EQ(look().unknown_files->ending, ".enc");
  EXPECT_EQ(look().unknown_files->files, 1);
}

TEST_F(ArchiveDirectoryTest, where_the_format_does_not_tell_a_later_segment_does) {
  write_file(dir_ / (name(3) + ".br"), "data");
  EXPECT_EQ(seen(), "");
  write_file(dir_ / (name(4) + ".br"), "data");
  EXPECT_EQ(seen(), "3");
  write_file(dir_ / (name(5) + ".br"), "data");
  EXPECT_EQ(seen(), "3-4");
  add(9, kCluster, ".", 2);  // another timeline says nothing of this one
  EXPECT_EQ(seen(), "3-4 9");
}

TEST_F(ArchiveDirectoryTest, anothers_newest_segment_shows_and_an_older_one_is_a_hole) {
  for (const std::uint32_t segment : {3U, 4U, 6U}) add(segment);
  add(5, 4711);
  EXPECT_EQ(seen(), "3-4 6");
  EXPECT_EQ(look().system_identifier, kCluster);
  add(7, 4711);
  EXPECT_EQ(look().system_identifier, 4711U);
}

TEST_F(ArchiveDirectoryTest, a_segment_under_anothers_name_is_none) {
  add(3);
  write_sized(dir_ / name(4), page_header(1, 3 * kMiB), kMiB);
  EXPECT_EQ(seen(), "3");
}

TEST_F(ArchiveDirectoryTest, backups_say_where_they_begin_and_when_the_latest_ended) {
  for (const std::uint32_t segment : {3U, 4U, 5U}) add(segment);
  write_file(dir_ / (name(4) + ".00000028.backup"), "STOP TIME: ...");
  write_file(dir_ / (name(3) + ".00000028.backup"), "STOP TIME: ...");
  const auto file_time = std::filesystem::last_write_time(dir_ / (name(4) + ".00000028.backup"));
  const auto facts = look();
  EXPECT_EQ(facts.backup_starts, (std::vector<std::string>{name(3), name(4)}));
  ASSERT_TRUE(facts.last_backup);
  EXPECT_EQ(*facts.last_backup, std::chrono::time_point_cast<std::chrono::microseconds>(
                                    std::chrono::file_clock::to_sys(file_time)));
}

TEST_F(ArchiveDirectoryTest, reads_first_pages_of_the_newest_only) {
  for (std::uint32_t segment = 0; segment < 100; ++segment) add(segment);
  write_sized(dir_ / name(1), "not looked into", kMiB);
  EXPECT_EQ(seen(), "0-99");
}

TEST_F(DirectoryError, says_what_is_wrong_with_it) {
  const auto outcome = ArchiveDirectory(dir_ / "none").look();
  const auto* error = std::get_if<core::ProbeError>(&outcome);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->reason, core::ProbeFailure::query_failed);
  EXPECT_TRUE(error->message.ends_with("No such file or directory")) << error->message;
  write_file(dir_ / "file", "x");
  const auto file = ArchiveDirectory(dir_ / "file").look();
  EXPECT_TRUE(std::holds_alternative<core::ProbeError>(file));
}

}  // namespace
}  // namespace rpoguard::observe
