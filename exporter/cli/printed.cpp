#include "exporter/cli/printed.hpp"

#include "exporter/base/text.hpp"
#include "exporter/base/utf8.hpp"

namespace rpoguard::cli {

std::string printed(std::string_view text) {
  constexpr std::size_t kLineBytesMax = 4096;
  std::string lines;
  while (!text.empty()) {
    const bool ends = text.find('\n') != std::string_view::npos;
    lines += base::foreign_text(base::take_until(text, '\n'), kLineBytesMax);
    if (ends) lines += '\n';
  }
  return lines;
}

}  // namespace rpoguard::cli
