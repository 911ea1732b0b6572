#include "exporter/observe/archive/archive_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "exporter/core/model/units.hpp"

namespace rpoguard::observe {
namespace {

/// Little endian. REQUIRES: it lies within `bytes`.
std::uint64_t number_at(std::string_view bytes, std::size_t offset, std::size_t length) {
  std::uint64_t value = 0;
  for (std::size_t i = length; i-- > 0;)
    value = (value << 8U) | static_cast<unsigned char>(bytes[offset + i]);
  return value;
}

/// An open file, read at positions.
class File {
 public:
  // Of a pipe in its place nothing can be read, and nobody waits for it.
  explicit File(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool readable() const { return fd_ >= 0; }
  /// All of it; nullopt where the file is shorter.
  std::optional<std::string> read(std::uint64_t offset, std::size_t length) const {
    std::string bytes(length, '\0');
    std::size_t done = 0;
    while (done < length) {
      const ssize_t got =
          ::pread(fd_, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
      if (got <= 0) return std::nullopt;
      done += static_cast<std::size_t>(got);
    }
    return bytes;
  }
  std::optional<std::uint64_t> number(std::uint64_t offset, std::size_t length) const {
    const auto bytes = read(offset, length);
    return bytes ? std::optional(number_at(*bytes, 0, length)) : std::nullopt;
  }

 private:
  int fd_;
};

// RFC 1952: the last four bytes are the length of what was compressed.
bool gzip_whole(const File& file, std::uint64_t bytes) {
  const auto length = bytes >= 20 ? file.number(bytes - 4, 4) : std::nullopt;
  return file.number(0, 2) == 0x8B1FU && length && core::is_segment_size(*length);
}

// The xz file format, 2.1.2: the footer repeats the flags of the header and ends in "YZ".
bool xz_whole(const File& file, std::uint64_t bytes) {
  if (bytes < 32) return false;
  const auto head = file.read(0, 8);
  const auto tail = file.read(bytes - 4, 4);
  return head && tail &&
         head->starts_with(
             "\xFD"
             "7zXZ") &&
         tail->substr(0, 2) == head->substr(6) && tail->ends_with("YZ");
}

// bzip2 ends with a 48-bit mark, a 32-bit checksum, and up to seven bits to fill the last byte.
bool bzip2_whole(const File& file, std::uint64_t bytes) {
  constexpr std::uint64_t kEndMark = 0x1772'4538'5090U;
  constexpr std::uint64_t kMarkMask = (std::uint64_t{1} << 48U) - 1;
  const auto tail = bytes >= 14 ? file.read(bytes - 11, 7) : std::nullopt;
  if (!tail) return false;
  std::uint64_t bits = 0;  // the first 56 of the last 88
  for (const char byte : *tail) bits = (bits << 8U) | static_cast<unsigned char>(byte);
  for (unsigned fill = 0; fill < 8; ++fill)
    if (((bits >> fill) & kMarkMask) == kEndMark) return true;
  return false;
}

// RFC 8878, 3.1.1: from block to block up to the last one and its checksum.
bool zstd_whole(const File& file, std::uint64_t bytes) {
  if (file.number(0, 4) != 0xFD2FB528U) return false;
  const auto descriptor = file.number(4, 1);
  if (!descriptor) return false;
  constexpr std::uint64_t kDictionaryBytes[] = {0, 1, 2, 4};
  constexpr std::uint64_t kLengthBytes[] = {0, 2, 4, 8};
  const bool single = (*descriptor & 0x20U) != 0;
  const std::uint64_t length = kLengthBytes[*descriptor >> 6U];
  std::uint64_t at = 5 + (single ? 0 : 1) + kDictionaryBytes[*descriptor & 3U] +
                     (single && length == 0 ? 1 : length);
  for (bool last = false; !last;) {
    const auto block = file.number(at, 3);
    if (!block) return false;
    last = (*block & 1U) != 0;
    const bool repeated = ((*block >> 1U) & 3U) == 1;
    at += 3 + (repeated ? 1 : *block >> 3U);
  }
  return at + ((*descriptor & 4U) != 0 ? 4 : 0) == bytes;
}

// The LZ4 frame format, 1.6: from block to block up to an empty one and its checksum.
bool lz4_whole(const File& file, std::uint64_t bytes) {
  if (file.number(0, 4) != 0x184D2204U) return false;
  const auto flags = file.number(4, 1);
  if (!flags) return false;
  constexpr std::uint64_t kNotCompressed = 0x8000'0000U;
  std::uint64_t at = 7 + ((*flags & 8U) != 0 ? 8 : 0) + ((*flags & 1U) != 0 ? 4 : 0);
  for (;;) {
    const auto block = file.number(at, 4);
    if (!block) return false;
    at += 4;
    if (*block == 0) break;
    at += (*block & ~kNotCompressed) + ((*flags & 16U) != 0 ? 4 : 0);
  }
  return at + ((*flags & 4U) != 0 ? 4 : 0) == bytes;
}

}  // namespace

std::optional<SegmentHeader> parse_segment_header(std::string_view bytes) {
  constexpr std::uint64_t kLongHeader = 0x0002;
  if (bytes.size() < kSegmentHeaderBytes) return std::nullopt;
  const std::uint64_t magic = number_at(bytes, 0, 2);
  // 0xD071 was PostgreSQL 9.2, 0xD118 is 18.
  if (magic < 0xD071 || magic > 0xD1FF) return std::nullopt;
  if ((number_at(bytes, 2, 2) & kLongHeader) == 0) return std::nullopt;
  return SegmentHeader{.timeline = static_cast<std::uint32_t>(number_at(bytes, 4, 4)),
                       .start = number_at(bytes, 8, 8),
                       .system_identifier = number_at(bytes, 24, 8),
                       .segment_bytes = static_cast<std::uint32_t>(number_at(bytes, 32, 4))};
}

bool header_fits(const SegmentHeader& header, const SegmentName& name, std::uint64_t bytes) {
  const std::uint64_t start = (std::uint64_t{name.log} << 32U) + name.segment * bytes;
  return header.segment_bytes == bytes && header.start == start && header.timeline != 0 &&
         header.timeline <= name.timeline;
}

std::optional<std::string> read_head(const std::string& path, std::size_t bytes) {
  const File file(path);
  return file.readable() ? file.read(0, bytes) : std::nullopt;
}

std::string_view compression_of(const std::string& path) {
  constexpr std::size_t kHeadBytes = 10;
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kBegins{
      {{"\x1F\x8B", ".gz"},
       {"\xFD"
        "7zXZ",
        ".xz"},
       {"BZh", ".bz2"},
       {"\x28\xB5\x2F\xFD", ".zst"},
       {"\x04\x22\x4D\x18", ".lz4"},
       {{"\xFF\x06\0\0sNaPpY", kHeadBytes}, ".snappy"}}};
  const auto head = read_head(path, kHeadBytes);
  if (!head) return "";
  const auto found =
      std::ranges::find_if(kBegins, [&](const auto& row) { return head->starts_with(row.first); });
  return found == kBegins.end() ? "" : found->second;
}

Whole compressed_whole(const std::string& path, std::string_view suffix, std::uint64_t bytes) {
  const File file(path);
  if (!file.readable()) return Whole::cannot_tell;
  bool whole = false;
  if (suffix == ".gz") {
    whole = gzip_whole(file, bytes);
  } else if (suffix == ".xz") {
    whole = xz_whole(file, bytes);
  } else if (suffix == ".bz2") {
    whole = bzip2_whole(file, bytes);
  } else if (suffix == ".zst") {
    whole = zstd_whole(file, bytes);
  } else if (suffix == ".lz4") {
    whole = lz4_whole(file, bytes);
  } else {
    return Whole::cannot_tell;
  }
  return whole ? Whole::yes : Whole::no;
}

}  // namespace rpoguard::observe
