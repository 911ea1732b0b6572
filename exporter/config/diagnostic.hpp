// One problem of a configuration file, and how it is worded.
#pragma once

#include <string>

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

}  // namespace rpoguard::config
