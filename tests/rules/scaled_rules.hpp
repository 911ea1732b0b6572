// The shipped rules with shorter windows, for tests that cannot wait for days.
#pragma once

#include <string>

namespace rpoguard::test {

/// The text of a rule file with every range, offset, "for" and "interval" of at least `from`
/// seconds divided by `factor`; 1 s at least. Names and thresholds stay.
std::string scaled_rules(const std::string& text, int factor, int from = 0);
/// The same for every "for" alone.
std::string scaled_holds(const std::string& text, int factor, int from);

/// Nothing that an alert waits for is longer than 20 s: neither its "for", nor the pace at which
/// rules and subqueries are evaluated. Above 10 s it is a sixth, but 10 s at least: two minutes
/// stay longer than one. Ranges stay.
std::string hasty_rules(const std::string& text);
/// RPOGUARD_THOROUGH is set: alerts wait for as long as their rules say.
bool holds_as_shipped();

}  // namespace rpoguard::test
