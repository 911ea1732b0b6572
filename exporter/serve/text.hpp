// Text at the border: UTF-8, JSON, HTML and header safety, numbers and times. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/core/units.hpp"

namespace rpoguard::serve {

/// The text with every byte that is not part of well-formed UTF-8 replaced by U+FFFD.
std::string sanitize_utf8(std::string_view text);

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

/// Percent-encodes everything but unreserved characters, for one path segment or query value.
std::string percent_encode(std::string_view text);

/// "2026-01-01T00:00:00.000Z"
std::string render_time(core::WallTime time);

/// For people: "0.3 s", "42 s", "17 min", "5.2 h", "3.1 d"; negative with a sign.
std::string render_short(core::Duration duration);

/// For people: "512 B", "1.5 MiB"; negative with a sign.
std::string render_bytes(std::int64_t bytes);

}  // namespace rpoguard::serve
