#include "exporter/cli/order.hpp"

namespace rpoguard::cli {
namespace {

// No shard's id has one.
constexpr char kSeparator = '/';

}  // namespace

bool names_node(const std::string& text) {
  const std::size_t at = text.find(kSeparator);
  return at != std::string::npos && at > 0 && at + 1 < text.size();
}

int order_for_node(const NodeOptions& options, const std::string& verb) {
  const std::size_t at = options.node.find(kSeparator);
  return send_order(options.order, verb,
                    order_path("/-/" + verb, {{"shard", options.node.substr(0, at)},
                                              {"node", options.node.substr(at + 1)},
                                              {"by", who(options.order)},
                                              {"reason", options.order.reason}}));
}

}  // namespace rpoguard::cli
