#include "exporter/observe/archive/archive_names.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

const std::string kName = "000000020000000A000000FE";

core::ArchivedRun run(std::uint32_t timeline, std::uint32_t log, std::uint32_t first,
                      std::uint32_t last) {
  return {core::Timeline{timeline}, log, first, last};
}

base::Result<core::ArchiveFacts> list(const std::string& text) {
  NameList names;
  names.take(text);
  return names.finish();
}

TEST(ArchiveName, segments_as_each_tool_names_them) {
  const std::string hash = "-d1f7b5a8c0e4d3b2a19887766554433221100ffe";
  const std::vector<std::string> endings{"",     ".gz",        ".lz4",       ".zst",    ".xz",
                                         ".bz2", ".lzo",       ".br",        ".snappy", ".lzma",
                                         hash,   hash + ".gz", hash + ".zst"};
  for (const std::string& ending : endings) {
    const std::string text = kName + ending;
    const ArchiveName name = parse_archive_name(text);
    EXPECT_EQ(name.kind, ArchiveName::Kind::segment) << text;
    EXPECT_EQ(name.segment, (SegmentName{2, 10, 254})) << text;
    EXPECT_EQ(name.hashed, ending.starts_with("-")) << text;
    const std::size_t dot = ending.find('.');
    EXPECT_EQ(name.suffix, dot == std::string::npos ? "" : ending.substr(dot)) << text;
  }
  EXPECT_EQ(render_segment_name({2, 10, 254}), kName);
}

TEST(ArchiveName, a_backup_names_the_first_segment_it_needs) {
  const ArchiveName name = parse_archive_name(kName + ".00000028.backup");
  EXPECT_EQ(name.kind, ArchiveName::Kind::backup);
  EXPECT_EQ(name.segment, (SegmentName{2, 10, 254}));
}

TEST(ArchiveName, nothing_else_is_a_segment) {
  const std::vector<std::string> others{
      "",
      "0",
      "00000002.history",
      kName + ".partial",
      kName + ".tmp",
      kName + ".gz.tmp",
      kName + "-abc.pgbackrest.tmp",
      kName + "-",
      kName + "-xyz",
      kName + ".00000028.backup.gz",
      kName + ".0000028.backup",
      kName + "0",
      "000000020000000a000000fe",  // PostgreSQL writes capitals
      "000000000000000A000000FE",  // there is no timeline 0
      "." + kName,
      "archive.info",
  };
  for (const std::string& text : others)
    EXPECT_EQ(parse_archive_name(text).kind, ArchiveName::Kind::other) << text;
}

TEST(ArchiveName, tells_an_ending_that_nobody_knows_from_a_file_that_is_not_finished) {
  EXPECT_EQ(parse_archive_name(kName + ".gpg").unknown_ending, ".gpg");
  EXPECT_EQ(parse_archive_name(kName + ".gz.age").unknown_ending, ".gz.age");
  for (const std::string& text : {kName, kName + ".gz", kName + ".partial", kName + ".tmp",
                                  kName + ".gz.part", kName + ".00000028.backup", kName + "-xyz",
                                  std::string("00000002.history"), std::string("backup_label.gpg")})
    EXPECT_EQ(parse_archive_name(text).unknown_ending, "") << text;
}

TEST(UnknownEndings, names_the_most_frequent_whatever_is_added) {
  UnknownEndings endings;
  EXPECT_FALSE(endings.most());
  endings.add("");
  endings.add(".age");
  endings.add(".gpg");
  endings.add(".gpg");
  for (int i = 0; i < 1000; ++i) endings.add("." + std::to_string(i));
  ASSERT_TRUE(endings.most());
  EXPECT_EQ(endings.most()->ending, ".gpg");
  EXPECT_EQ(endings.most()->files, 2);
  UnknownEndings hostile;
  hostile.add(".\x1b[2J" + std::string(1000, 'x'));
  EXPECT_EQ(hostile.most()->ending, ".?[2J" + std::string(19, 'x'));
}

TEST(ArchiveRuns, are_maximal_within_timeline_and_log) {
  EXPECT_EQ(runs_of({{1, 0, 3}, {1, 0, 1}, {1, 0, 2}, {1, 0, 2}, {1, 0, 5}}),
            (std::vector{run(1, 0, 1, 3), run(1, 0, 5, 5)}));
  EXPECT_EQ(runs_of({{1, 0, 255}, {1, 1, 0}, {2, 1, 1}}),
            (std::vector{run(1, 0, 255, 255), run(1, 1, 0, 0), run(2, 1, 1, 1)}));
  EXPECT_EQ(runs_of({{1, 0, 0xFFFFFFFF}, {1, 0, 0}}),
            (std::vector{run(1, 0, 0, 0), run(1, 0, 0xFFFFFFFF, 0xFFFFFFFF)}));
  EXPECT_TRUE(runs_of({}).empty());
}

TEST(ArchiveHome, is_the_directory_above_the_log) {
  EXPECT_EQ(archive_home("a/15-1/000000020000000A/x"), "a/15-1");
  EXPECT_EQ(archive_home("000000020000000A/x"), "");
  EXPECT_EQ(archive_home("wal/x"), "wal");
  EXPECT_EQ(archive_home("x"), "");
}

TEST(NameList, takes_the_last_part_of_each_path) {
  const auto facts = list(
      "15-1/0000000100000000\n15-1/0000000100000000/000000010000000000000001-ab.gz\n"
      "15-1/0000000100000000/000000010000000000000002-cd.gz\r\n"
      "15-1/0000000100000000/000000010000000000000002.00000028.backup\n"
      "15-1/archive.info\n15-1/00000002.history");
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts.value().runs, std::vector{run(1, 0, 1, 2)});
  EXPECT_EQ(facts.value().backup_starts, std::vector<std::string>{"000000010000000000000002"});
  EXPECT_FALSE(facts.value().holes_invisible);
  EXPECT_FALSE(facts.value().system_identifier);
}

TEST(NameList, may_come_in_any_pieces_and_end_without_a_newline) {
  const std::string text = "a/000000010000000000000001\na/000000010000000000000003";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    NameList names;
    names.take(text.substr(0, cut));
    names.take(text.substr(cut));
    const auto facts = names.finish();
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts.value().runs, (std::vector{run(1, 0, 1, 1), run(1, 0, 3, 3)})) << cut;
  }
}

TEST(NameList, may_be_quoted_and_padded) {
  for (const std::string& line : {std::string("  a/000000010000000000000001.gz  "),
                                  std::string("\"a/000000010000000000000001\""),
                                  std::string("\t'a/000000010000000000000001.lzma' \r"),
                                  std::string("  \"a/000000010000000000000001.snappy\",")}) {
    const auto facts = list(line + "\na/000000010000000000000002\n");
    ASSERT_TRUE(facts) << line << facts.error().message;
    EXPECT_EQ(facts.value().runs, std::vector{run(1, 0, 1, 2)}) << line;
  }
  EXPECT_TRUE(list("\"\n'\n\"\"\n").value().runs.empty());
}

TEST(NameList, says_what_it_does_not_know) {
  const auto facts = list("000000010000000000000001.gpg\n000000010000000000000002.gpg\n").value();
  EXPECT_TRUE(facts.runs.empty());
  ASSERT_TRUE(facts.unknown_files);
  EXPECT_EQ(facts.unknown_files->ending, ".gpg");
  EXPECT_EQ(facts.unknown_files->files, 2);
}

TEST(NameList, of_an_empty_archive_is_a_fact) {
  ASSERT_TRUE(list(""));
  EXPECT_TRUE(list("\n\n").value().runs.empty());
}

TEST(NameList, refuses_the_wal_of_two_clusters) {
  const auto facts = list(
      "14-1/0000000100000000/000000010000000000000001\n"
      "15-1/0000000100000000/000000010000000000000002\n");
  ASSERT_FALSE(facts);
  EXPECT_NE(facts.error().message.find("more than one directory"), std::string::npos);
}

TEST(NameList, refuses_what_is_no_list) {
  ASSERT_FALSE(list(std::string(5000, 'x')));
}

}  // namespace
}  // namespace rpoguard::observe
