// What a witness over HTTP says: a step of an evaluation, before the writer is judged.
#pragma once

#include <cstdint>
#include <optional>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {

/// What is known of one witness.
struct WitnessReading {
  /// The last answer worth something: it carries facts and is no old copy's. Goes on from one
  /// evaluation to the next.
  std::optional<WitnessObservation> good;
  std::optional<WitnessView> view;  ///< judged anew at each evaluation; set iff configured
};

/// Takes the latest answer into account. A number below `least` is an old one: a replica that lags
/// answers. Absent: any number is news. After its ttl an answer says nothing about now; that its
/// number was reached stays true (number_reached).
WitnessReading hear_witness(WitnessReading before, const std::optional<WitnessSpec>& spec,
                            const std::optional<WitnessObservation>& latest,
                            std::optional<std::int64_t> least, Instant now);

/// Below this the witness of the epoch has answered something old; absent: it may say anything. An
/// authority's number never falls; the number of another witness may begin anew.
std::optional<std::int64_t> least_epoch(EpochSource source, std::optional<Epoch> highest);

/// The number of its last good answer, however old; absent: it has given none.
std::optional<std::int64_t> number_reached(const WitnessReading& witness);

/// EpochSource::http: until when the authority's word on the writer is good; absent: no authority
/// is asked, or it says nothing now.
std::optional<Instant> confirmed_until(const ShardSpec& spec, const WitnessReading& epoch_witness);

}  // namespace rpoguard::core
