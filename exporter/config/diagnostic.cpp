#include "exporter/config/diagnostic.hpp"

namespace rpoguard::config {

std::string render(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.line > 0) {
    text += ":" + std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column);
  }
  text += ": ";
  if (!diagnostic.key.empty()) text += diagnostic.key + ": ";
  text += diagnostic.problem;
  if (!diagnostic.allowed.empty()) text += " (allowed: " + diagnostic.allowed + ")";
  return text;
}

}  // namespace rpoguard::config
