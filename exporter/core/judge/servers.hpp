// Which nodes are one server under several names: a step of an evaluation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/core/judge/readings.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// The server that a node's name has led to last. It stays known while the name does not answer: so
/// does the copy's position.
struct Sighting {
  std::uint64_t system_identifier = 0;
  std::optional<WallTime> started;  ///< of its postmaster
  Instant since{};                  ///< when the first of the looks answered that showed just this
  std::uint64_t session = 0;        ///< of the last look
  Instant session_since{};          ///< when the first look of that session answered
  /// What its walreceiver announced when one last ran since that start.
  std::optional<std::string> announced_name;
};

/// What is known of two names.
struct NamePair {
  enum class Verdict {
    two,
    doubtful,  ///< two, or one: taken for one as long as both are heard of
    one,
  };
  Verdict verdict = Verdict::two;
  /// In these sessions, the lower number first, they showed what one server cannot: two servers
  /// that are copies of one machine. A session stays with its server.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> told_apart;
};

/// Of two nodes, the lesser name first.
using NamePairKey = std::pair<std::string_view, std::string_view>;

/// Finds a pair without a copy of its names.
struct NamePairLess {
  using is_transparent = void;
  bool operator()(const NamePairKey& a, const NamePairKey& b) const { return a < b; }
};

struct Servers {
  /// Parallel to ShardSpec::nodes; absent: it never answered.
  std::vector<std::optional<Sighting>> sightings;
  /// By NamePairKey. Absent: one of them never answered, or they hold two clusters' data.
  std::map<std::pair<std::string, std::string>, NamePair, NamePairLess> pairs;

  /// Must two nodes be taken for one server? Every node is one with itself.
  bool are_one(const NodeSpec& a, const NodeSpec& b) const;
  /// Are they beyond doubt?
  bool surely_one(const NodeSpec& a, const NodeSpec& b) const;
  /// `silent` has never answered: does the node's server announce itself by that name? They may be
  /// one server then. REQUIRES: the spec is that of the sightings.
  bool goes_by_name_of(const ShardSpec& spec, std::size_t node, std::size_t silent) const;
};

/// A server is its system identifier and its postmaster start, not its name. Two names whose last
/// answers show the same are one server, unless what they showed cannot be one server's; two that
/// show different starts are two, unless they were one and it may have been restarted since.
/// REQUIRES: readings are parallel to the spec's nodes.
Servers tell_servers_apart(Servers before, const ShardSpec& spec, const Readings& readings);

}  // namespace rpoguard::core
