// A file of a fixed size that is written through a mapping, for other processes to read.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "exporter/base/result.hpp"

namespace rpoguard::serve {

/// Whoever may write to the file can cut it short at any moment, and a store to what is gone would
/// end this process. Here it goes to memory that nobody else sees, in the place of what is gone.
/// Not thread-safe.
class SharedFile {
 public:
  /// A new file with all its memory taken at once: to write later to a page of memory that is not
  /// there would be the same fault. The number is an errno.
  static base::Result<std::unique_ptr<SharedFile>, int> create(const std::string& path,
                                                               std::size_t bytes);
  ~SharedFile();
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  void* base() const { return base_; }
  /// The file has its size.
  bool is_whole() const;
  /// It is what a path leads to.
  bool is_at(const std::string& path) const;
  /// Gives a file that was cut short its size again, with this at its beginning and zeros behind:
  /// who still maps it must not fault for ever.
  void restore(const void* beginning, std::size_t beginning_bytes) const;

 private:
  SharedFile(int file, void* base, std::size_t bytes);

  int file_;
  void* base_;
  std::size_t bytes_;
};

}  // namespace rpoguard::serve
