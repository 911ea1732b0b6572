#include "exporter/core/model/units.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace rpoguard::core {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kMebibyte = 1024 * 1024;

TEST(Lsn, is_parsed_as_postgresql_prints_it) {
  const std::vector<std::pair<std::string, std::uint64_t>> rows{
      {"0/0", 0},
      {"0/3000060", 0x3000060},
      {"16/B374D848", 0x16B374D848},
      {"16/b374d848", 0x16B374D848},
      {"FFFFFFFF/FFFFFFFF", 0xFFFFFFFFFFFFFFFF},
      {"00000001/00000000", 0x100000000},
  };
  for (const auto& [text, value] : rows) EXPECT_EQ(parse_lsn(text), Lsn{value}) << text;
}

TEST(Lsn, refuses_everything_else) {
  for (const char* text :
       {"", "/", "0", "0/", "/0", "0/0/0", "0/0 ", " 0/0", "0x1/0", "-1/0", "0/-1", "+1/0", "g/0",
        "100000000/0", "0/100000000", "000000001/0", "0-0", "0/1.5"}) {
    EXPECT_EQ(parse_lsn(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(Lsn, is_printed_as_postgresql_prints_it_and_comes_back) {
  EXPECT_EQ(render_lsn(Lsn{0}), "0/0");
  EXPECT_EQ(render_lsn(Lsn{0x16B374D848}), "16/B374D848");
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0xFFFFFFFF},
                                    std::uint64_t{0x100000000}, ~std::uint64_t{0}}) {
    EXPECT_EQ(parse_lsn(render_lsn(Lsn{value})), Lsn{value});
  }
}

TEST(Lsn, distance_is_negative_when_the_other_is_behind) {
  EXPECT_EQ(bytes_between(Lsn{100}, Lsn{150}), 50);
  EXPECT_EQ(bytes_between(Lsn{150}, Lsn{100}), -50);
}

TEST(WalSegment, covers_its_bytes_for_every_segment_size) {
  struct Row {
    const char* name;
    std::uint64_t size;
    std::uint64_t start;
  };
  const std::vector<Row> rows{
      {"000000010000000000000001", 16 * kMebibyte, 16 * kMebibyte},
      {"0000000A00000002000000FF", 16 * kMebibyte, 0x2FF000000},
      {"000000010000000000000FFF", kMebibyte, 0xFFF00000},
      {"000000010000000100000003", 1024 * kMebibyte, 0x1C0000000},
      {"00000001000000000000003F", 64 * kMebibyte, 0xFC000000},
  };
  for (const Row& row : rows) {
    const auto segment = parse_wal_segment(row.name, row.size);
    ASSERT_TRUE(segment) << row.name;
    EXPECT_EQ(segment->start, Lsn{row.start}) << row.name;
    EXPECT_EQ(segment->end, Lsn{row.start + row.size}) << row.name;
  }
  EXPECT_EQ(parse_wal_segment("0000000A0000000000000001", 16 * kMebibyte)->timeline, Timeline{10});
}

TEST(WalSegment, a_number_beyond_the_log_is_refused_for_its_segment_size) {
  EXPECT_TRUE(parse_wal_segment("0000000100000000000000FF", 16 * kMebibyte));
  EXPECT_FALSE(parse_wal_segment("000000010000000000000100", 16 * kMebibyte));
  EXPECT_TRUE(parse_wal_segment("000000010000000000000FFF", kMebibyte));
  EXPECT_FALSE(parse_wal_segment("000000010000000000001000", kMebibyte));
  EXPECT_FALSE(parse_wal_segment("000000010000000000000004", 1024 * kMebibyte));
}

TEST(WalSegment, every_power_of_two_from_1_mib_to_1_gib_is_a_segment_size_and_nothing_else) {
  const std::string name = "000000010000000000000001";
  for (std::uint64_t size = kMebibyte; size <= 1024 * kMebibyte; size *= 2)
    EXPECT_TRUE(parse_wal_segment(name, size)) << size;
  for (const std::uint64_t size :
       {std::uint64_t{0}, kMebibyte / 2, 3 * kMebibyte, 2048 * kMebibyte, kMebibyte + 1})
    EXPECT_FALSE(parse_wal_segment(name, size)) << size;
}

TEST(WalSegment, other_files_of_an_archive_are_not_whole_segments) {
  for (const char* name : {"", "00000002.history", "000000010000000000000001.partial",
                           "000000010000000000000001.00000028.backup", "00000001000000000000000G",
                           "00000001000000000000001", "0000000100000000000000011",
                           "000000000000000000000001", "-00000010000000000000001"}) {
    EXPECT_FALSE(parse_wal_segment(name, 16 * kMebibyte)) << name;
  }
}

TEST(DurationText, is_parsed_with_units_and_sums) {
  const std::vector<std::pair<std::string, Duration>> rows{
      {"0", Duration{0}},
      {"0s", Duration{0}},
      {"1500ms", milliseconds(1500)},
      {"5s", seconds(5)},
      {"10m", minutes(10)},
      {"2h", hours(2)},
      {"1d", hours(24)},
      {"1h30m", minutes(90)},
      {"1d2h3m4s5ms6us7ns", hours(26) + minutes(3) + seconds(4) + milliseconds(5) + Duration(6007)},
  };
  for (const auto& [text, duration] : rows) EXPECT_EQ(parse_duration(text), duration) << text;
}

TEST(DurationText, refuses_everything_else) {
  for (const char* text :
       {"", "5", "s", "-5s", "5 s", "1.5s", "30m1h", "1s1s", "5x", "+5s", "5sec", "5s ", "106752d",
        "9223372036854775808ns", "106751d24h", "00", "1h-5m"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(DurationText, is_printed_shortest_and_comes_back) {
  EXPECT_EQ(render_duration(seconds(5)), "5s");
  EXPECT_EQ(render_duration(minutes(90)), "1h30m");
  EXPECT_EQ(render_duration(milliseconds(800)), "800ms");
  EXPECT_EQ(render_duration(Duration{0}), "0s");
  EXPECT_EQ(render_duration(-milliseconds(1500)), "-1s500ms");
  EXPECT_EQ(render_duration(Duration::min()).front(), '-');
  const Duration longest(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_duration(render_duration(longest)), longest);
}

TEST(TimeText, is_printed_in_utc_to_the_millisecond) {
  EXPECT_EQ(render_time(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(render_time(WallTime(std::chrono::microseconds(1'767'225'600'123'999))),
            "2026-01-01T00:00:00.123Z");
}

TEST(TimeText, is_right_on_a_leap_day_and_before_1970) {
  EXPECT_EQ(render_time(WallTime(std::chrono::microseconds(1'709'210'096'789'999))),
            "2024-02-29T12:34:56.789Z");
  EXPECT_EQ(render_time(WallTime(milliseconds(-1))), "1969-12-31T23:59:59.999Z");
}

TEST(TimeText, is_parsed_with_or_without_seconds) {
  EXPECT_EQ(parse_time("2026-01-01T00:00Z"), WallTime(seconds(1'767'225'600)));
  EXPECT_EQ(parse_time("2026-01-01T00:00:07Z"), WallTime(seconds(1'767'225'607)));
  EXPECT_EQ(parse_time("2028-02-29T23:59:59Z"), WallTime(seconds(1'835'481'599)));
}

TEST(TimeText, refuses_everything_else) {
  for (const char* text :
       {"", "Z", "2026-01-01", "2026-01-01T00:00", "2026-01-01T00:00:00", "2026-01-01 00:00Z",
        "2026-13-01T00:00Z", "2026-02-29T00:00Z", "2026-01-01T24:00Z", "2026-01-01T00:60Z",
        "2026-01-01T00:00:60Z", "2026-1-01T00:00Z0", "2026-01-01T00:00+01:00", "20260101T000000Z",
        "+026-01-01T00:00Z", "2026-01-01T00:00:00.5Z"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(DurationText, seconds_are_exact_to_the_millisecond) {
  EXPECT_DOUBLE_EQ(to_seconds(milliseconds(1500)), 1.5);
}

TEST(SegmentSize, is_a_power_of_two_from_1_mib_to_1_gib) {
  constexpr std::uint64_t kMiB = 1024 * 1024;
  for (const std::uint64_t good : {kMiB, 16 * kMiB, 1024 * kMiB})
    EXPECT_TRUE(is_segment_size(good)) << good;
  for (const std::uint64_t bad : {std::uint64_t{0}, kMiB / 2, kMiB + 1, 3 * kMiB, 2048 * kMiB})
    EXPECT_FALSE(is_segment_size(bad)) << bad;
}

}  // namespace
}  // namespace rpoguard::core
