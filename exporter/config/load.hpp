// YAML text -> core::Spec, or every problem with its place. The only folder that knows YAML and
// reads secrets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/core/spec.hpp"

namespace rpoguard::config {

/// One problem of a configuration file.
struct Diagnostic {
  std::string file;
  int line = 0;         ///< 1-based; 0: the file as a whole
  int column = 0;       ///< 1-based
  std::string key;      ///< path, e.g. shards[3].nodes[0].host; empty: the file as a whole
  std::string problem;  ///< lower case, no full stop
  std::string allowed;  ///< what would be accepted; may be empty
};

/// "rpoguard.yml:12:5: shards[3].rpo: problem (allowed: ...)"
std::string render(const Diagnostic& diagnostic);

/// Either a spec and no diagnostics, or no spec and all diagnostics at once.
struct Loaded {
  std::optional<core::Spec> spec;
  std::vector<Diagnostic> diagnostics;
};

/// Never throws. Thread-safe (no shared state).
Loaded load_text(std::string_view text, const std::string& file_name);
Loaded load_file(const std::string& path);

}  // namespace rpoguard::config
