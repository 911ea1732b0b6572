// An operator's order to a running rpoguard: POST to a control verb of its ops listener.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "exporter/cli/commands.hpp"

namespace rpoguard::cli {

/// Names and values; one without a value is left out.
using OrderParameters = std::vector<std::pair<std::string, std::string>>;

/// "/-/freeze?shard=184&by=jo": the verb with its parameters, percent-encoded.
std::string order_path(const std::string& verb, const OrderParameters& parameters);

/// The name to give as `by`.
std::string who(const OrderOptions& options);

/// Sends it and prints the answer. `command` begins each message about a failure. 0: done; 1:
/// refused; 2: no rpoguard answers.
int send_order(const OrderOptions& options, const std::string& command, const std::string& path);

}  // namespace rpoguard::cli
