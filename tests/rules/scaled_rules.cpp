#include "tests/rules/scaled_rules.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <regex>

namespace rpoguard::test {
namespace {

using Change = std::function<int(int seconds)>;

Change divided(int factor, int from) {
  return [=](int seconds) { return seconds < from ? seconds : std::max(1, seconds / factor); };
}

int seconds_of(const std::string& number, char unit) {
  return std::stoi(number) * (unit == 'd' ? 86400 : unit == 'h' ? 3600 : unit == 'm' ? 60 : 1);
}

/// `duration` has three groups: what leads to it, its number, its unit.
std::string changed_where(const std::regex& duration, const std::string& text,
                          const Change& change) {
  std::string result;
  auto at = text.cbegin();
  for (std::smatch found; std::regex_search(at, text.cend(), found, duration);
       at = found.suffix().first) {
    result.append(found.prefix());
    const int before = seconds_of(found[2], found[3].str().front());
    const int after = change(before);
    result += found[1];
    result += after == before ? found[2].str() + found[3].str() : std::to_string(after) + "s";
  }
  return result.append(at, text.cend());
}

}  // namespace

std::string scaled_rules(const std::string& text, int factor, int from) {
  static const std::regex duration(
      R"((\[|offset |for: |interval: |:(?=\d+[smhd]\]))(\d+)([smhd])\b)");
  return changed_where(duration, text, divided(factor, from));
}

std::string scaled_holds(const std::string& text, int factor, int from) {
  static const std::regex hold(R"((for: )(\d+)([smhd])\b)");
  return changed_where(hold, text, divided(factor, from));
}

std::string hasty_rules(const std::string& text) {
  static const std::regex wait(R"((for: |interval: |:(?=\d+[smhd]\]))(\d+)([smhd])\b)");
  return changed_where(wait, text, [](int seconds) {
    return seconds <= 10 ? seconds : std::clamp(seconds / 6, 10, 20);
  });
}

bool holds_as_shipped() {
  return std::getenv("RPOGUARD_THOROUGH") != nullptr;
}

}  // namespace rpoguard::test
