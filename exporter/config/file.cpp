#include "exporter/config/file.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rpoguard::config {
namespace {

base::Error failure(const std::string& path, int code) {
  // error_code::message is thread-safe, strerror is not.
  return {.message = "cannot read " + path + ": " +
                     std::error_code(code, std::generic_category()).message(),
          .hint = {}};
}

// Without a writer it would pass for an empty file.
bool is_pipe(int descriptor) {
  struct stat info {};
  return ::fstat(descriptor, &info) == 0 && S_ISFIFO(info.st_mode);
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

base::Result<std::string> read_file(const std::string& path, std::size_t bytes_max,
                                    Waiting waiting) {
  const int flags = O_RDONLY | O_CLOEXEC | (waiting == Waiting::fail ? O_NONBLOCK : 0);
  const Descriptor descriptor(open(path.c_str(), flags));
  if (descriptor.number() < 0) return failure(path, errno);
  if (waiting == Waiting::fail && is_pipe(descriptor.number()))
    return base::Error{.message = "cannot read " + path + ": it is a pipe, not a file"};
  std::string content;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t count = read(descriptor.number(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(path, errno);
    if (count == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(count));
    if (content.size() > bytes_max) {
      return base::Error{.message =
                             path + " is larger than " + std::to_string(bytes_max) + " bytes"};
    }
  }
}

}  // namespace rpoguard::config
