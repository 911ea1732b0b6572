// Where a problem is, and the list of all of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "exporter/config/diagnostic.hpp"

namespace rpoguard::config {

/// A position in the file; both 1-based, the column in bytes. Line 0: the file as a whole.
struct Mark {
  int line = 0;
  int column = 0;
};

/// A key path and where it stands. The mark of a key that is not written is that of the map it
/// should be in.
struct Place {
  Mark mark;
  std::string path;
};

/// Collects problems. Not thread-safe; one per load.
class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}

  /// `problem`: lower case, no full stop, no secret; `allowed`: what would be accepted, may be
  /// empty.
  void add(const Place& place, std::string problem, std::string allowed = {});
  bool empty() const { return diagnostics_.empty(); }
  /// All problems by line and column; one that several shards inherit appears once.
  std::vector<Diagnostic> take_sorted() &&;

 private:
  std::string file_;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace rpoguard::config
