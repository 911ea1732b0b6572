// What the WAL archive proves: a step of an evaluation.
#pragma once

#include <optional>

#include "exporter/core/archive.hpp"
#include "exporter/core/observation.hpp"
#include "exporter/core/spec.hpp"
#include "exporter/core/units.hpp"
#include "exporter/core/view.hpp"
#include "exporter/core/wal_source.hpp"
#include "exporter/core/writer_verdict.hpp"

namespace rpoguard::core {

struct ArchiveProof {
  ArchiveMemory memory;  ///< goes on from one evaluation to the next
  ArchiveView view;
};

/// Takes the archiver's word and the latest look at the repository into account. `source` has
/// followed `writer` already.
ArchiveProof prove_archive(ArchiveMemory memory, const ShardSpec& spec,
                           const std::optional<ArchiveObservation>& latest,
                           const std::optional<ConfirmedWriter>& writer, const WalSource& source,
                           const ProbeSpec& probe, Instant now);

/// When the archive will be as old as the policy allows; absent: it allows any age, or the age is
/// not known.
std::optional<Instant> archive_until(const ArchiveSpec& spec, const ArchiveView& archive);

}  // namespace rpoguard::core
