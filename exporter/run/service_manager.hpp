// What systemd is told by a service of Type=notify.
#pragma once

#include <string_view>

namespace rpoguard::run {

/// Sends e.g. "READY=1" in one datagram to the Unix socket that NOTIFY_SOCKET names, as
/// sd_notify(3) describes. Does nothing without it; never blocks, and a failure is not reported:
/// nobody is worse off for it. Thread-safe while nobody changes the environment.
void notify_service_manager(std::string_view state);

}  // namespace rpoguard::run
