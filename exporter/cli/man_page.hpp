// The manual page, made of what the parser of the command line knows: it cannot fall behind --help.
#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's own name
class App;
}

namespace rpoguard::cli {

/// rpoguard(1) as roff, for `man -l -`. Options without a group are hidden, as in --help.
std::string render_man_page(const CLI::App& app, const std::string& version);

}  // namespace rpoguard::cli
