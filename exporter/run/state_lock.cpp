#include "exporter/run/state_lock.hpp"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rpoguard::run {
namespace {

using base::Error;

constexpr const char* kHint = "check state_dir and its owner";

Error failure(const std::string& path, int error) {
  return {"cannot lock " + path + ": " + std::generic_category().message(error), kHint};
}

// Whoever has it writes its number in right after.
std::string holder_of(int file) {
  std::array<char, 32> text{};
  const ssize_t count = ::pread(file, text.data(), text.size(), 0);
  std::string_view number(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  number = number.substr(0, number.find_first_not_of("0123456789"));
  return number.empty() ? "" : " " + std::string(number);
}

int open_file(const std::string& path, int how) {
  return ::open(path.c_str(), how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

// By a descriptor of its own: a file that is open for writing keeps a disk from being made
// read-only.
bool write_number(const std::string& path) {
  const int file = open_file(path, O_WRONLY | O_TRUNC);
  if (file < 0) return false;
  const std::string number = std::to_string(::getpid()) + "\n";
  const bool written =
      ::write(file, number.data(), number.size()) == static_cast<ssize_t>(number.size());
  const int error = errno;
  ::close(file);
  errno = error;
  return written;
}

}  // namespace

base::Result<StateLock> StateLock::take(const std::string& directory) {
  const std::string path = directory + "/lock";
  const int file = open_file(path, O_RDONLY | O_CREAT);
  if (file < 0) return failure(path, errno);
  StateLock lock(file);
  struct stat info {};
  if (::fstat(file, &info) != 0) return failure(path, errno);
  if (!S_ISREG(info.st_mode)) return Error{path + " is no file", kHint};
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failure(path, errno);
    return Error{
        "state_dir " + directory + " is in use by process" + holder_of(file),
        "each rpoguard needs a state_dir of its own: two would erase each other's freezes"};
  }
  if (!write_number(path)) return failure(path, errno);
  return lock;
}

StateLock::StateLock(StateLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

StateLock::~StateLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace rpoguard::run
