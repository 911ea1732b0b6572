// The web configuration file of a listener (--web.config.file), with the keys of Prometheus's
// exporter-toolkit.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/diagnostic.hpp"
#include "exporter/core/model/web_spec.hpp"

namespace rpoguard::config {

/// Either a spec and no diagnostics, or no spec and all diagnostics at once. Two outcomes are equal
/// when file, certificates and keys are.
struct LoadedWeb {
  std::optional<core::WebSpec> spec{};
  std::vector<Diagnostic> diagnostics{};
};

/// The gate has no users: a password takes longer to check than the gate may take to answer.
enum class WebListener { ops, gate };

/// Reads the file and every file that it names; relative paths start at its own directory. What PEM
/// holds is not looked at. No content of a key is repeated in a diagnostic. Never throws.
/// Thread-safe.
LoadedWeb load_web_file(const std::string& path, WebListener listener);

/// $2a$, $2b$ or $2y$, with a cost of at most 15: more takes seconds.
bool is_bcrypt(std::string_view hash);

}  // namespace rpoguard::config
