// The running program: listeners, monitor and hooks on one loop.
#pragma once

#include <string>

#include "exporter/core/model/part.hpp"
#include "exporter/run/web_keeper.hpp"

namespace rpoguard::run {

/// Watches the shards of that part until SIGTERM or SIGINT (returns 0), or until it cannot go on
/// (returns 1, and stderr says why). SIGHUP reloads the file. Once per process, on its main thread.
int run_service(const std::string& config_file, core::Part part, const WebFiles& web_files);

}  // namespace rpoguard::run
