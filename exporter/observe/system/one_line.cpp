#include "exporter/observe/system/one_line.hpp"

#include <cstddef>

#include "exporter/base/utf8.hpp"

namespace rpoguard::observe {
namespace {

constexpr std::size_t kMessageBytesMax = 240;

}  // namespace

std::string one_line(std::string_view text) {
  text = text.substr(0, text.find_first_of("\r\n"));
  return base::foreign_text(text, kMessageBytesMax);
}

}  // namespace rpoguard::observe
