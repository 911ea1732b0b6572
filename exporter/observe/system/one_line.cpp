#include "exporter/observe/system/one_line.hpp"

#include <cstddef>

#include "exporter/base/utf8.hpp"

namespace rpoguard::observe {
namespace {

constexpr std::size_t kMessageBytesMax = 240;

}  // namespace

std::string one_line(std::string_view text) {
  text = text.substr(0, text.find_first_of("\r\n"));
  std::string line;
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t start = position;
    const auto code = base::next_code_point(text, position);
    if (!code) ++position;
    const std::size_t length = position - start;
    if (line.size() + length > kMessageBytesMax) break;
    const bool control = code && (*code < 0x20 || *code == 0x7F);
    if (!code || control) {
      line += '?';
    } else {
      line += text.substr(start, length);
    }
  }
  return line;
}

}  // namespace rpoguard::observe
