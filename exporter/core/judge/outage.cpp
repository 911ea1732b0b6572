#include "exporter/core/judge/outage.hpp"

namespace rpoguard::core {

Outage follow_outage(Outage outage, bool usable, Instant now) {
  if (usable) {
    if (outage.since && outage.ever_usable) outage.last = now - *outage.since;
    outage.since.reset();
    outage.ever_usable = true;
  } else if (!outage.since) {
    outage.since = now;
  }
  return outage;
}

}  // namespace rpoguard::core
