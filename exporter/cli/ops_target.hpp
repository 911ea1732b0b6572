// Where the ops listener of a running rpoguard is.
#pragma once

#include <cstdint>
#include <string>

#include "exporter/core/result.hpp"
#include "exporter/core/spec.hpp"

namespace rpoguard::cli {

struct Target {
  std::string host;
  std::uint16_t port = 0;
};

/// As a configuration has it; a listener on every address is asked on the loopback.
Target target_of(const core::ListenSpec& listen);

/// From "http://HOST[:PORT]" (core/url.hpp) if `url` is not empty, else from the file if one is
/// named, else the default address.
core::Result<Target> find_target(const std::string& url, const std::string& config_file);

}  // namespace rpoguard::cli
