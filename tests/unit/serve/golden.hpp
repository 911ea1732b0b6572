// Golden files: the expected text stands in tests/testdata/golden and is reviewed as a diff.
// RPOGUARD_UPDATE_GOLDEN=1 rewrites it.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace rpoguard::test {

/// The content of the golden file; after an update, `actual` itself.
inline std::string golden(const std::string& name, const std::string& actual) {
  const std::string path = std::string(RPOGUARD_SOURCE_DIR) + "/tests/testdata/golden/" + name;
  const char* update = std::getenv("RPOGUARD_UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") {
    std::ofstream(path, std::ios::binary) << actual;
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace rpoguard::test
