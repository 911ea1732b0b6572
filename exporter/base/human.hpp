// Quantities as a person would say them, with at most one decimal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace rpoguard::base {

/// "0.3 s", "42 s", "17 min", "5.2 h", "3.1 d"; negative with a sign.
std::string render_short(std::chrono::nanoseconds duration);

/// "512 B", "1.5 MiB"; negative with a sign.
std::string render_bytes(std::int64_t bytes);

}  // namespace rpoguard::base
