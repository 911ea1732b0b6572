// How a listener with a web configuration file fares, for the metrics page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exporter/core/model/units.hpp"

namespace rpoguard::serve {

struct WebStats {
  std::string listener;                                ///< "ops", "gate"
  std::optional<core::WallTime> certificate_expiry{};  ///< absent: plain
  std::uint64_t reload_failures = 0;
  std::uint64_t handshake_failures = 0;
};

}  // namespace rpoguard::serve
