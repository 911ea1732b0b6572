#include "exporter/serve/http/http_head.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>

#include "exporter/base/text.hpp"

namespace rpoguard::serve {
namespace {

constexpr std::size_t kMethodBytesMax = 32;

bool starts_with_header(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         base::starts_with_ignoring_case(line, name);
}

// Empty: the line is no header.
std::string_view name_of(std::string_view line) {
  const std::size_t end = line.find_first_of(":\n");
  return end == std::string_view::npos || line[end] != ':' ? "" : line.substr(0, end);
}

bool announces_body(std::string_view line) {
  constexpr std::string_view kLength = "Content-Length:";
  if (starts_with_header(line, "Transfer-Encoding")) return true;
  if (!starts_with_header(line, "Content-Length")) return false;
  const std::string_view value = line.substr(kLength.size(), line.find('\r') - kLength.size());
  return value.find_first_not_of(" 0") != std::string_view::npos;
}

struct SameName {
  bool operator()(std::string_view a, std::string_view b) const {
    constexpr auto kLower = [](char c) { return base::lower(c); };
    return std::ranges::lexicographical_compare(a, b, {}, kLower, kLower);
  }
};

}  // namespace

bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= kMethodBytesMax && std::ranges::all_of(text, [](char c) {
    return base::is_letter(c) || base::is_digit(c) || c == '-' || c == '_';
  });
}

Withheld withhold(std::string& head) {
  Withheld withheld;
  const std::size_t space = head.find(' ');
  const std::string_view method = std::string_view(head).substr(0, space);
  if (space == std::string::npos || !is_method(method)) return withheld;
  withheld.method = method;
  head.replace(0, space, "GET");
  std::set<std::string, SameName> names;
  // cpp-httplib ends a line at any line feed, also one without a carriage return.
  for (std::size_t start = head.find('\n') + 1; start != 0; start = head.find('\n', start) + 1) {
    const std::string_view line = std::string_view(head).substr(start);
    withheld.body = withheld.body || announces_body(line);
    if (starts_with_header(line, "Range")) {
      withheld.range = true;
      head[start] = 'X';
    } else if (const std::string_view name = name_of(line);
               !name.empty() && !names.emplace(name).second) {
      head[start] = kRepeated;
    }
  }
  return withheld;
}

}  // namespace rpoguard::serve
