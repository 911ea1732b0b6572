// A directory that lives as long as its object.
#pragma once

#include <filesystem>
#include <string>

namespace rpoguard::test {

/// A fresh directory with a short path (Unix sockets allow about 100 bytes), readable by all,
/// removed with everything in it by the destructor. Its parent is $RPOGUARD_TEST_TMP, else /tmp.
/// Throws std::runtime_error when it cannot be made.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Replaces the file's content. Throws std::runtime_error.
void write_file(const std::filesystem::path& path, const std::string& text);
/// Empty when the file cannot be read.
std::string read_file(const std::filesystem::path& path);

}  // namespace rpoguard::test
