// One file of a WAL archive: is it a whole segment, and whose? Blocks as long as the file system
// does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/observe/archive/archive_names.hpp"

namespace rpoguard::observe {

/// What the first page of a segment says (XLogLongPageHeaderData in access/xlog_internal.h).
struct SegmentHeader {
  std::uint32_t timeline = 0;  ///< of the page: an ancestor's where the file holds a switch point
  std::uint64_t start = 0;     ///< position of the page
  std::uint64_t system_identifier = 0;
  std::uint32_t segment_bytes = 0;
};
/// REQUIRES: little endian, as the host of the server. nullopt: not the first page of a segment.
std::optional<SegmentHeader> parse_segment_header(std::string_view bytes);
inline constexpr std::size_t kSegmentHeaderBytes = 40;

/// The header is that of a segment of this name and length.
bool header_fits(const SegmentHeader& header, const SegmentName& name, std::uint64_t bytes);

/// The first bytes of a file; nullopt where it cannot be read.
std::optional<std::string> read_head(const std::string& path, std::size_t bytes);

/// By how the file begins, whatever its name: ".gz" and so on; empty: by no compression that says
/// so.
std::string_view compression_of(const std::string& path);

/// Has a compressed file been written to its end?
enum class Whole { yes, no, cannot_tell };
/// By what the format puts at the end: gzip's length, the last block of zstd and lz4, the footers
/// of xz and bzip2. Others do not tell; neither does a file that cannot be read.
Whole compressed_whole(const std::string& path, std::string_view suffix, std::uint64_t bytes);

}  // namespace rpoguard::observe
