// Delivers one event by POST, signed the way of Standard Webhooks.
#pragma once

#include <memory>

#include "exporter/core/model/clock.hpp"
#include "exporter/notify/attempt.hpp"

namespace rpoguard::notify {

/// The id of the event is webhook-id in each try, so that a receiver can tell a repetition; the
/// timestamp is that of the try. The secret is read anew each time.
Deliver webhook(std::shared_ptr<const core::Clock> clock);

}  // namespace rpoguard::notify
