// Looks at every WAL archive that a Spec names, on its own clock, and yields facts.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <asio/io_context.hpp>

#include "exporter/core/model/clock.hpp"
#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/observe/archive/archive_directory.hpp"

namespace rpoguard::observe {

/// Where observations go. Called on the loop thread.
using ArchiveSink = std::function<void(std::size_t shard, core::ArchiveObservation)>;
/// One look into one directory. May block for ever; called on a thread of its own, one call at a
/// time, and may outlive the ArchiveProber, so it must own what it uses.
using DirectoryLook = std::function<ArchiveOutcome()>;
using OpenDirectory = std::function<DirectoryLook(const std::string& path)>;

/// Looks of an ArchiveDirectory.
DirectoryLook open_archive_directory(const std::string& path);

/// For each shard with the source directory or command: a look every ArchiveSpec::interval that
/// ends within ArchiveSpec::timeout, in facts or a ProbeError. A look that does not end is not
/// started a second time. Directories are read on a thread each, since a file system may hang;
/// commands run as children. Not thread-safe: construct, call and destroy it on the thread that
/// runs the loop (or before it runs).
class ArchiveProber {
 public:
  ArchiveProber(asio::io_context& loop, std::shared_ptr<const core::Spec> spec,
                const core::Clock& clock, ArchiveSink sink,
                const OpenDirectory& open = open_archive_directory);
  /// Kills the commands; does not wait for a directory that hangs. No sink call after it returns.
  ~ArchiveProber();
  ArchiveProber(const ArchiveProber&) = delete;
  ArchiveProber& operator=(const ArchiveProber&) = delete;

  void start();
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rpoguard::observe
