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

int forget_rival(const RivalOptions& options) {
  const std::size_t at = options.rival.find(kSeparator);
  return send_order(options.order, "forget-rival",
                    order_path("/-/forget-rival", {{"shard", options.rival.substr(0, at)},
                                                   {"node", options.rival.substr(at + 1)},
                                                   {"by", who(options.order)},
                                                   {"reason", options.order.reason}}));
}

}  // namespace rpoguard::cli
