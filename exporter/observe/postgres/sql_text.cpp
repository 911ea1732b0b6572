#include "exporter/observe/postgres/sql_text.hpp"

#include "exporter/base/text.hpp"

namespace rpoguard::observe {

std::string quoted_literal(std::string_view text) {
  std::string quoted = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

std::string quoted_identifier(std::string_view name) {
  return '"' + base::replace_all(name, "\"", "\"\"") + '"';
}

}  // namespace rpoguard::observe
