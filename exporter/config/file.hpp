// Reads small files whole.
#pragma once

#include <cstddef>
#include <string>

#include "exporter/base/result.hpp"

namespace rpoguard::config {

/// What to do when a read would have to wait for someone who writes (a pipe, a terminal): wait for
/// ever, or fail at once; then a pipe is an error even if it has something to read.
enum class Waiting { wait, fail };

/// The content of a file of at most `bytes_max` bytes; larger is an error. The error's message
/// names the path and the reason, never any content.
base::Result<std::string> read_file(const std::string& path, std::size_t bytes_max,
                                    Waiting waiting);

}  // namespace rpoguard::config
