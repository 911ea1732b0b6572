// One try to deliver one event to one hook, and what became of it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "exporter/core/model/hook.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/tell/event.hpp"

namespace rpoguard::notify {

/// An event on its way, with the JSON that receivers get.
struct Notice {
  core::RecordedEvent recorded;
  std::string json;
  core::Instant happened{};
};

enum class Outcome {
  delivered,
  retry,   ///< no answer, or one that may be another later
  failed,  ///< it makes no sense to try again
};

struct Attempt {
  Outcome outcome = Outcome::failed;
  std::string note{};                       ///< for the log: why; no secret, no body
  std::optional<core::Duration> wait = {};  ///< retry: the receiver asks for at least this
};

/// True once nobody waits for the outcome any more: give up soon.
using Stopped = std::function<bool()>;

/// Makes one try. Called on a hook's own thread, may block for a few HookSpec::timeout. Must own
/// what it uses: it may outlive whoever gave it.
using Deliver = std::function<Attempt(const core::HookSpec&, const Notice&, const Stopped&)>;

}  // namespace rpoguard::notify
