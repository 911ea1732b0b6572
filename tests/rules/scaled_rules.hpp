// The shipped rules with shorter windows, for tests that cannot wait for days.
#pragma once

#include <string>

namespace rpoguard::test {

/// The text of a rule file with every range, offset, "for" and "interval" of at least `from`
/// seconds divided by `factor`; 1 s at least. Names and thresholds stay.
std::string scaled_rules(const std::string& text, int factor, int from = 0);
/// The same for every "for" alone.
std::string scaled_holds(const std::string& text, int factor, int from);

}  // namespace rpoguard::test
