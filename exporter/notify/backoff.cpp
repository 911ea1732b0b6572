#include "exporter/notify/backoff.hpp"

#include <algorithm>

namespace rpoguard::notify {

core::Duration backoff(std::uint32_t failures, double chance) {
  // Beyond this power the limit is reached anyway, and the shift would overflow.
  constexpr std::uint32_t kPowerMax = 16;
  const auto power = std::int64_t{1} << std::min(failures - 1, kPowerMax);
  const core::Duration most = std::min(kBackoffBase * power, kBackoffMax);
  return core::Duration(static_cast<std::int64_t>(static_cast<double>(most.count()) * chance));
}

}  // namespace rpoguard::notify
