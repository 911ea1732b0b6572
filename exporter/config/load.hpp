// YAML text -> core::Spec, or every problem with its place. The only folder that knows YAML and
// reads secrets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/diagnostic.hpp"
#include "exporter/config/file.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::config {

/// Either a spec and no diagnostics, or no spec and all diagnostics at once.
struct Loaded {
  std::optional<core::Spec> spec;
  std::vector<Diagnostic> diagnostics;
};

/// Never throws. Thread-safe (no shared state).
Loaded load_text(std::string_view text, const std::string& file_name);
/// With Waiting::fail a pipe in the place of the file is refused.
Loaded load_file(const std::string& path, Waiting waiting = Waiting::wait);

}  // namespace rpoguard::config
