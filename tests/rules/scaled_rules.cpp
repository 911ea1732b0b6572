#include "tests/rules/scaled_rules.hpp"

#include <algorithm>
#include <regex>

namespace rpoguard::test {
namespace {

std::string scaled(const std::string& number, char unit, int factor, int from) {
  const int seconds = std::stoi(number) * (unit == 'd'   ? 86400
                                           : unit == 'h' ? 3600
                                           : unit == 'm' ? 60
                                                         : 1);
  if (seconds < from) return number + unit;
  return std::to_string(std::max(1, seconds / factor)) + "s";
}

/// `duration` has three groups: what leads to it, its number, its unit.
std::string scaled_where(const std::regex& duration, const std::string& text, int factor,
                         int from) {
  std::string result;
  auto at = text.cbegin();
  for (std::smatch found; std::regex_search(at, text.cend(), found, duration);
       at = found.suffix().first) {
    result.append(found.prefix());
    result += found[1].str() + scaled(found[2], found[3].str().front(), factor, from);
  }
  return result.append(at, text.cend());
}

}  // namespace

std::string scaled_rules(const std::string& text, int factor, int from) {
  static const std::regex duration(
      R"((\[|offset |for: |interval: |:(?=\d+[smhd]\]))(\d+)([smhd])\b)");
  return scaled_where(duration, text, factor, from);
}

std::string scaled_holds(const std::string& text, int factor, int from) {
  static const std::regex hold(R"((for: )(\d+)([smhd])\b)");
  return scaled_where(hold, text, factor, from);
}

}  // namespace rpoguard::test
