#include "exporter/observe/postgres/sql_text.hpp"

namespace rpoguard::observe {

std::string replaced(std::string text, std::string_view mark, std::string_view by) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
  return text;
}

std::string quoted_literal(std::string_view text) {
  std::string quoted = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

std::string quoted_identifier(std::string_view name) {
  return '"' + replaced(std::string(name), "\"", "\"\"") + '"';
}

}  // namespace rpoguard::observe
