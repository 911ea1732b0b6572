// Who is the writer: a step of an evaluation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "exporter/core/judge/epoch.hpp"
#include "exporter/core/judge/readings.hpp"
#include "exporter/core/judge/servers.hpp"
#include "exporter/core/judge/witness.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::core {

/// What must be known of the shard's epochs for ever, also after a restart.
struct EpochRecord {
  std::optional<Epoch> highest;
  std::optional<std::uint64_t> system_identifier;
  /// Epoch whose writer has been confirmed last: a higher one confirmed later is a promotion.
  std::optional<Epoch> confirmed;
  /// The node that was confirmed with it: another one needs a higher epoch.
  std::string confirmed_node;
  /// And where: the same number elsewhere is another stamp, or another history.
  EpochPlace confirmed_place;
  /// Its postmaster's start, on its own clock: by this and the system identifier it is known under
  /// another name, too.
  std::optional<WallTime> confirmed_started{};
  /// Nodes that were part of a split brain, beyond doubt, with the epoch that each showed last. A
  /// node leaves it when it is seen in recovery, or as the confirmed or an outranked writer, when a
  /// writer is confirmed on a higher stamp, and by forget_rival(); not when it leaves the
  /// configuration.
  std::map<std::string, std::optional<Epoch>> rivals;
  friend bool operator==(const EpochRecord&, const EpochRecord&) = default;
};

/// The confirmed writer. Points into the spec and the readings that it was judged by.
struct ConfirmedWriter {
  std::size_t node;
  const NodeSpec& spec;
  const Reading& reading;  ///< it is current
  Epoch epoch;             ///< on which it is confirmed
  bool promoted = false;   ///< that epoch is higher than the last confirmed one
  bool moved = false;      ///< the last confirmed one was of another node, or timeline

  const NodeFacts& facts() const { return reading.facts(); }
  Instant asked() const { return reading.last_success->asked; }
  Instant answered() const { return reading.last_success->answered; }
};

struct WriterVerdict {
  EpochVerdict epochs;
  EpochRecord record;  ///< goes on from one evaluation to the next
  std::optional<ConfirmedWriter> writer;
};

/// REQUIRES: spec and readings outlive the verdict and are parallel.
WriterVerdict judge_writer(EpochRecord before, const ShardSpec& spec, const Readings& readings,
                           const Servers& servers, const WitnessReading& epoch_witness,
                           Instant now);

/// An operator's word that this rival accepts no writes any more: strikes it off. Returns why it is
/// not done: no such node, no rival, or one that answers. Empty: done.
std::string forget_rival(EpochRecord& record, const ShardSpec& spec, const Readings& readings,
                         const std::string& name);

}  // namespace rpoguard::core
