// A source file as the style rules look at it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rpoguard::tidy {

struct Include {
  std::size_t line = 0;  ///< 1-based
  std::string name;      ///< between the quotes or angle brackets
};

/// A function body: the lines strictly between its braces.
struct Body {
  std::size_t line = 0;  ///< of the opening brace, 1-based
  std::size_t length = 0;
};

/// One file, read once. `code` has the same lines as `lines`, with comments and the content of
/// string and character literals blanked out.
struct Source {
  std::string path;  ///< relative to the repository
  std::vector<std::string> lines;
  std::vector<std::string> code;
  std::vector<Include> includes;
  std::vector<Body> bodies;  ///< of functions; a lambda counts as part of its function

  bool is_cpp() const;   ///< .cpp or .hpp
  bool is_code() const;  ///< what a machine runs or builds: C++, C, scripts, CMake, Dockerfile
  bool under(std::string_view folder) const { return path.starts_with(folder); }
};

Source parse_source(const std::string& path, const std::string& text);

/// Every file of the repository that people write, without build results, sorted by path.
std::vector<Source> read_repository(const std::string& root);

}  // namespace rpoguard::tidy
