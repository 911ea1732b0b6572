// What a remote rpoguard has said, for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace rpoguard::cli {

/// Each line as base::foreign_text() makes it: whoever answers at that address may be anybody.
std::string printed(std::string_view text);

}  // namespace rpoguard::cli
