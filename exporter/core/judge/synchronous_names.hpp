// What synchronous_standby_names makes the writer wait for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// One value of synchronous_standby_names.
struct SynchronousNames {
  /// first: the `count` best-placed of the connected; any: whichever `count` of them answer first.
  enum class Method { first, any };
  Method method = Method::first;
  int count = 0;  ///< 0: nobody is waited for
  std::vector<std::string> names;

  /// Does an application name stand in the list? As PostgreSQL compares: without case (ASCII), and
  /// "*" is everybody.
  bool holds(std::string_view application_name) const;
  friend bool operator==(const SynchronousNames&, const SynchronousNames&) = default;
};

/// Parses the setting as PostgreSQL does (src/backend/replication/syncrep_gram.y,
/// syncrep_scanner.l); the empty text is a list of nobody. nullopt on anything PostgreSQL would
/// refuse.
std::optional<SynchronousNames> parse_synchronous_names(std::string_view text);

}  // namespace rpoguard::core
