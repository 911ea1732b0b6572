// What the WAL archive proves: a step of an evaluation.
#pragma once

#include <optional>

#include "exporter/core/judge/archive.hpp"
#include "exporter/core/judge/wal_source.hpp"
#include "exporter/core/judge/writer_verdict.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/view.hpp"

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
