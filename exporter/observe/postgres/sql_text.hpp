// Putting SQL text together. Pure.
#pragma once

#include <string>
#include <string_view>

namespace rpoguard::observe {

/// Any text without NUL as a literal that reads the same whatever standard_conforming_strings says.
std::string quoted_literal(std::string_view text);

/// A name of an object, in double quotes.
std::string quoted_identifier(std::string_view name);

}  // namespace rpoguard::observe
