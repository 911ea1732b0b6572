// Files as archivers leave them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace rpoguard::observe::archives {

inline constexpr std::uint64_t kMiB = 1024 * 1024;
inline constexpr std::uint64_t kCluster = 7000000000000000001U;

inline std::string little_endian(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

/// XLogLongPageHeaderData of PostgreSQL 15.
inline std::string page_header(std::uint32_t timeline, std::uint64_t start,
                               std::uint64_t cluster = kCluster, std::uint64_t size = kMiB) {
  return little_endian(0xD110, 2) + little_endian(2, 2) + little_endian(timeline, 4) +
         little_endian(start, 8) + little_endian(0, 8) + little_endian(cluster, 8) +
         little_endian(size, 4) + little_endian(8192, 4);
}

/// Writes `head`, and zeros up to `size` (as a hole: it takes no room).
inline void write_sized(const std::filesystem::path& path, const std::string& head,
                        std::uint64_t size) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << head;
  std::filesystem::resize_file(path, size);
}

}  // namespace rpoguard::observe::archives
