// The alerts of rules/rpoguard.rules.yml that cannot wait for a scrape, straight from a view.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

struct ShardView;

struct Alert {
  /// The rule's and its series', without what Prometheus adds (job, instance): with those they are
  /// the alert that Prometheus raises, and Alertmanager takes them for one.
  std::map<std::string, std::string> labels;
  std::string summary;
  std::string description;
  Duration hold{};  ///< it has to last so long first; the rule's `for`, but a split brain has none
};

/// What is wrong with the shard now. Pure.
std::vector<Alert> alerts_of(const ShardView& shard);

}  // namespace rpoguard::core
