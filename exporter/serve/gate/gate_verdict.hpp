// What the gate says to one caller about one shard, before it is put into words: /gate, /authz and
// HAProxy's agent check ask here and word the same verdict each in their own way.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>

#include "exporter/core/judge/gate.hpp"
#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/view.hpp"
#include "exporter/serve/gate/gate_counters.hpp"
#include "exporter/serve/view_store.hpp"

namespace rpoguard::serve {

/// All that the gate's listeners can reach. They see the view and count their answers; there is
/// nothing here to reload or to freeze with. What it refers to must outlive the handlers.
struct GateContext {
  const ViewStore& views;
  const core::Clock& clock;
  /// Set at SIGTERM: the gate closes.
  const std::atomic<bool>& stopping;
  GateCounters& counters;
};

/// The state of the world that one answer speaks of.
struct GateMoment {
  std::shared_ptr<const core::View> view;  ///< null: nothing has been published yet
  core::Instant now;
  bool stopping = false;
};
GateMoment gate_moment(const GateContext& context);

/// Refers to the shard's id and to the moment's view: must not outlive them.
struct GateVerdict {
  std::string_view shard{};
  const core::ShardSpec* spec = nullptr;  ///< null: no such shard, or none known yet
  const core::ShardView* view = nullptr;  ///< null: not evaluated yet
  bool open = false;
  bool shadow_denial = false;  ///< open, but enforcing would have refused
  core::Duration open_for{};
  core::Duration retry_after{};
  bool waived = false;
  std::string_view code{};    ///< when closed: what a gateway tells its own callers
  std::string_view reason{};  ///< when closed
  bool retryable = true;
};

/// Closed, whatever the shard. Repeating the request does not help.
GateVerdict refusal(std::string_view shard, std::string_view reason);
/// Closed: before the first view nobody knows which shards there are.
GateVerdict not_yet_known(std::string_view shard);
/// A shard that the view has. REQUIRES: moment.view, index < its number of shards.
GateVerdict verdict_on(const GateMoment& moment, std::size_t index,
                       const core::GateRequest& caller);

/// The verdict on the shard of this id, which may be unknown. Pure; thread-safe.
GateVerdict verdict_on(const GateMoment& moment, std::string_view id,
                       const core::GateRequest& caller);

/// Counts a verdict that a caller was told. Unknown shards and gates that are off are not counted.
void count(GateCounters& counters, const GateVerdict& verdict);

inline constexpr std::string_view kUnknownShard = "unknown_shard";
inline constexpr std::string_view kBadRequest = "bad_request";

}  // namespace rpoguard::serve
