// Text at the border: JSON, HTML and header safety, numbers. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rpoguard::serve {

/// Appends `text` as a JSON string with its quotes; invalid UTF-8 is replaced.
void append_json_string(std::string& out, std::string_view text);

/// Appends the shortest decimal form that reads back as the same number, never in a locale's
/// spelling. REQUIRES: value is finite.
void append_number(std::string& out, double value);
void append_number(std::string& out, std::int64_t value);

/// Safe between tags and inside quoted attributes; invalid UTF-8 is replaced.
std::string escape_html(std::string_view text);

/// Safe as the value of a header field: anything but printable ASCII becomes '?'.
std::string header_safe(std::string_view text);

}  // namespace rpoguard::serve
