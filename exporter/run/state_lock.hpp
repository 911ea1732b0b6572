// One process at a time uses a state_dir: a second one would erase what the first has written.
#pragma once

#include <string>

#include "exporter/base/result.hpp"

namespace rpoguard::run {

/// A locked file that holds the number of its process. The lock ends with the object, and with the
/// process however that ends; the file stays.
class StateLock {
 public:
  /// The error says which process has it.
  static base::Result<StateLock> take(const std::string& directory);
  ~StateLock();
  StateLock(StateLock&& other) noexcept;
  StateLock& operator=(StateLock&&) = delete;
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;

 private:
  explicit StateLock(int file) : file_(file) {}
  int file_;
};

}  // namespace rpoguard::run
