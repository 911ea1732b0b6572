#include "exporter/observe/archive/archive_file.hpp"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/observe/archive_files.hpp"

namespace rpoguard::observe {
namespace {

using namespace archives;
using rpoguard::test::TempDir;
using rpoguard::test::write_file;

TEST(SegmentHeader, says_whose_segment_it_is) {
  const auto header = parse_segment_header(page_header(2, 0x500000, 42, kMiB));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->timeline, 2U);
  EXPECT_EQ(header->start, 0x500000U);
  EXPECT_EQ(header->system_identifier, 42U);
  EXPECT_EQ(header->segment_bytes, kMiB);
}

TEST(SegmentHeader, of_anything_else_is_none) {
  const std::string good = page_header(1, 0);
  EXPECT_FALSE(parse_segment_header(good.substr(0, kSegmentHeaderBytes - 1)));
  EXPECT_FALSE(parse_segment_header(std::string(kSegmentHeaderBytes, '\0')));
  EXPECT_FALSE(parse_segment_header("Salted__" + std::string(kSegmentHeaderBytes, 'x')));
  std::string short_header = good;
  short_header[2] = 0;  // not the first page of a segment
  EXPECT_FALSE(parse_segment_header(short_header));
}

TEST(SegmentHeader, must_fit_the_name) {
  const SegmentName name{2, 1, 5};
  const std::uint64_t start = (std::uint64_t{1} << 32U) + 5 * kMiB;
  const auto fits = [&](const std::string& header, std::uint64_t bytes = kMiB) {
    return header_fits(*parse_segment_header(header), name, bytes);
  };
  EXPECT_TRUE(fits(page_header(2, start)));
  EXPECT_TRUE(fits(page_header(1, start))) << "copied from the parent at a switch";
  EXPECT_FALSE(fits(page_header(3, start)));
  EXPECT_FALSE(fits(page_header(0, start)));
  EXPECT_FALSE(fits(page_header(2, start + kMiB)));
  EXPECT_FALSE(fits(page_header(2, start), 2 * kMiB));
}

/// A whole file of each format, and how its end may be missing.
struct Format {
  std::string suffix;
  std::string whole;
};

std::vector<Format> formats() {
  const std::string data(50, 'd');
  std::vector<Format> all;
  all.push_back({".gz", "\x1F\x8B" + data + little_endian(16 * kMiB, 4)});
  const std::string flags("\0\4", 2);
  all.push_back({".xz", std::string("\xFD"
                                    "7zXZ\0",
                                    6) +
                            flags + data + flags + "YZ"});
  // An end mark that begins in the middle of a byte, then a checksum.
  all.push_back({".bz2", "BZh9" + data + "\x01\x77\x24\x53\x85\x09\x01\x23\x45\x67\x80"});
  // Two blocks, the last one marked; with a window byte and a checksum.
  const std::string zstd = little_endian(0xFD2FB528U, 4) + "\x04\x58";
  all.push_back({".zst", zstd + little_endian(10U << 3U, 3) + data.substr(0, 10) +
                             little_endian((9U << 3U) | 4U | 1U, 3) + "a" + data.substr(0, 8) +
                             "csum"});
  // A repeated byte as the only block; a single segment with its length, no checksum.
  all.push_back({".zst", little_endian(0xFD2FB528U, 4) + "\xA0" + little_endian(kMiB, 4) +
                             little_endian((kMiB << 3U) | 2U | 1U, 3) + "z"});
  const std::string lz4 = little_endian(0x184D2204U, 4);
  all.push_back({".lz4", lz4 + "\x64\x70h" + little_endian(10, 4) + data.substr(0, 10) +
                             little_endian(0, 4) + "csum"});
  all.push_back({".lz4", lz4 + "\x78\x70" + little_endian(kMiB, 8) + "h" +
                             little_endian(0x8000'0005U, 4) + data.substr(0, 5) + "bsum" +
                             little_endian(0, 4)});
  return all;
}

TEST(CompressedFile, is_whole_with_its_last_byte_and_not_before) {
  const TempDir dir;
  for (const Format& format : formats()) {
    const std::string path = dir / ("file" + format.suffix);
    for (std::size_t length = 0; length <= format.whole.size(); ++length) {
      write_file(path, format.whole.substr(0, length));
      EXPECT_EQ(compressed_whole(path, format.suffix, length),
                length == format.whole.size() ? Whole::yes : Whole::no)
          << format.suffix << " " << length << " of " << format.whole.size();
    }
  }
}

TEST(CompressedFile, of_another_format_is_not_whole) {
  const TempDir dir;
  const std::string path = dir / "file";
  const std::string noise(200, '\x5A');
  write_file(path, noise);
  for (const Format& format : formats())
    EXPECT_EQ(compressed_whole(path, format.suffix, noise.size()), Whole::no) << format.suffix;
}

TEST(CompressedFile, without_an_end_or_without_permission_cannot_tell) {
  const TempDir dir;
  write_file(dir / "file", "data");
  EXPECT_EQ(compressed_whole(dir / "file", ".br", 4), Whole::cannot_tell);
  EXPECT_EQ(compressed_whole(dir / "file", ".lzo", 4), Whole::cannot_tell);
  EXPECT_EQ(compressed_whole(dir / "none.gz", ".gz", 4), Whole::cannot_tell);
  EXPECT_FALSE(read_head(dir / "none", 4));
  EXPECT_EQ(read_head(dir / "file", 4), "data");
  EXPECT_FALSE(read_head(dir / "file", 5));
}

}  // namespace
}  // namespace rpoguard::observe
