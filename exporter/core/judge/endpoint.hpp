// Does the way that clients take lead to the writer? A step of an evaluation.
#pragma once

#include <optional>
#include <string>

#include "exporter/core/judge/wal_source.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

struct EndpointVerdict {
  /// It led to the confirmed writer when asked at this moment. Goes on from one evaluation to the
  /// next.
  std::optional<Instant> last_good;
  std::optional<EndpointView> view;  ///< set iff configured
};

/// `source` has followed `writer` already: an answer from before this writer began may have led to
/// the last one rightly, and says nothing.
EndpointVerdict judge_endpoint(std::optional<Instant> last_good,
                               const std::optional<EndpointSpec>& spec,
                               const std::optional<EndpointObservation>& latest,
                               const std::optional<ConfirmedWriter>& writer,
                               const WalSource& source);

/// Until when the last good answer is good; absent: there is none, or the endpoint is not watched.
std::optional<Instant> endpoint_until(const std::optional<EndpointSpec>& spec,
                                      const EndpointVerdict& verdict);

/// What there is to say of the endpoint while it does not lead to the writer; may be empty.
std::string endpoint_detail(const EndpointVerdict& verdict);

}  // namespace rpoguard::core
