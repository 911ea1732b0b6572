// A disk that a test can fill.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {

/// With root's rights, and where mounting is allowed: a tmpfs of 256 KiB in a mount namespace of
/// the calling thread and the children that it starts from then on, gone with them. Else: a
/// directory, and "full" means that the process may not make any file longer (RLIMIT_FSIZE).
/// Throws std::runtime_error. Not thread-safe.
class SmallDisk {
 public:
  SmallDisk();
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  std::string path() const { return dir_.path(); }
  const char* kind() const { return mounted_ ? "a tmpfs" : "a limit on the size of files"; }
  /// Until free(), `process` finds no room for one more byte.
  void fill(pid_t process);
  void free();

 private:
  void limit(bool full);

  TempDir dir_;
  bool mounted_ = false;
  std::optional<pid_t> limited_;
};

}  // namespace rpoguard::test
