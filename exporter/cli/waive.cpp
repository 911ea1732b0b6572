#include "exporter/cli/order.hpp"

namespace rpoguard::cli {

int waive(const WaiverOptions& options) {
  const std::string command = options.waive ? "waive" : "unwaive";
  return send_order(options.order, command,
                    order_path("/-/" + command, {{"shard", options.shard},
                                                 {"by", who(options.order)},
                                                 {"reason", options.order.reason},
                                                 {"for", options.length},
                                                 {"until", options.until}}));
}

int lower(const LowerOptions& options) {
  return send_order(options.order, "lower",
                    order_path("/-/lower", {{"shard", options.shard},
                                            {"by", who(options.order)},
                                            {"reason", options.order.reason},
                                            {"epoch", options.epoch},
                                            {"generation", options.generation}}));
}

}  // namespace rpoguard::cli
