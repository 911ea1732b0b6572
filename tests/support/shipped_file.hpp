// Files that users get, as they get them: only addresses are replaced.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {

/// "127.0.0.1:PORT", as configurations write it.
inline std::string local_address(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

/// The text of a file of this repository with each first replaced by its second. Throws
/// std::runtime_error when there is no such file, or when a text to be replaced is not in it.
inline std::string shipped_file(
    const std::string& path, const std::vector<std::pair<std::string, std::string>>& changes = {}) {
  std::string text = read_file(std::string(RPOGUARD_SOURCE_DIR) + "/" + path);
  if (text.empty()) throw std::runtime_error("no such file: " + path);
  for (const auto& [from, to] : changes) {
    std::size_t at = text.find(from);
    if (at == std::string::npos) throw std::runtime_error(path + " does not contain " + from);
    for (; at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace rpoguard::test
