// One look at an archive by the operator's command: the program, and what its output means.
#pragma once

#include <functional>
#include <memory>

#include <asio/io_context.hpp>

#include "exporter/core/model/spec.hpp"
#include "exporter/observe/archive/archive_directory.hpp"
#include "exporter/observe/system/child_process.hpp"

namespace rpoguard::observe {

/// Runs ArchiveSpec::command and reads what it prints as ArchiveSpec::format says. `done` is called
/// once, from the loop, within ArchiveSpec::timeout, unless the program that is returned is
/// cancelled first. Not thread-safe.
std::shared_ptr<ChildProcess> run_archive_command(asio::io_context& loop,
                                                  const core::ArchiveSpec& archive,
                                                  std::function<void(ArchiveOutcome)> done);

}  // namespace rpoguard::observe
