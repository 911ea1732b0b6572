#include "exporter/cli/order.hpp"

namespace rpoguard::cli {

int freeze(const FreezeOptions& options) {
  const std::string command = options.freeze ? "freeze" : "unfreeze";
  return send_order(options.order, command,
                    order_path("/-/" + command, {{"shard", options.shard},
                                                 {"all", options.shard.empty() ? "true" : ""},
                                                 {"by", who(options.order)},
                                                 {"reason", options.order.reason},
                                                 {"for", options.length},
                                                 {"until", options.until}}));
}

}  // namespace rpoguard::cli
