// What others say, made fit for a log line.
#pragma once

#include <string>
#include <string_view>

namespace rpoguard::observe {

/// The first line of `text`, as base::foreign_text() makes it, at most 240 bytes.
std::string one_line(std::string_view text);

}  // namespace rpoguard::observe
