#include "exporter/serve/lease/shared_file.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/base/check.hpp"

namespace rpoguard::serve {
namespace {

// Where the mappings are, for the handler of SIGBUS. There are two while a page takes another's
// place.
struct Range {
  std::atomic<std::uintptr_t> begin{0};  // 0: free
  std::atomic<std::uintptr_t> end{0};
};
std::array<Range, 16> ranges;

// Only what may be done in a signal handler. The store that has faulted is done again after it.
void on_bus_error(int signal, siginfo_t* info, void*) {
  const int error = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const auto page_bytes = static_cast<std::uintptr_t>(::getpagesize());
  for (const Range& range : ranges) {
    const std::uintptr_t end = range.end;
    if (address < range.begin || address >= end) continue;
    const std::uintptr_t into_page = address % page_bytes;
    char* const page = static_cast<char*>(info->si_addr) - into_page;
    void* const mapped = ::mmap(page, end - address + into_page, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    errno = error;
    if (mapped != MAP_FAILED) return;
  }
  // It is somebody else's, and ends the process as ever.
  std::signal(signal, SIG_DFL);
  if (info->si_code <= 0) std::raise(signal);
}

bool catch_bus_errors() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  return ::sigaction(SIGBUS, &action, nullptr) == 0;
}

void watch(std::uintptr_t begin, std::size_t bytes) {
  static const bool caught = catch_bus_errors();
  RPOGUARD_CHECK(caught);
  const auto free =
      std::ranges::find_if(ranges, [](const Range& range) { return range.begin == 0; });
  RPOGUARD_CHECK(free != ranges.end());
  free->end = begin + bytes;
  free->begin = begin;
}

void forget(std::uintptr_t begin) {
  for (Range& range : ranges) {
    if (range.begin == begin) range.begin = range.end = 0;
  }
}

}  // namespace

base::Result<std::unique_ptr<SharedFile>, int> SharedFile::create(const std::string& path,
                                                                  std::size_t bytes) {
  ::unlink(path.c_str());
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return errno;
  int error = ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
  // Gateways run as somebody else, whatever the umask says.
  if (error == 0 && ::fchmod(file, 0644) != 0) error = errno;
  void* base = MAP_FAILED;
  if (error == 0) {
    base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    error = errno;
  }
  if (base != MAP_FAILED) return std::unique_ptr<SharedFile>(new SharedFile(file, base, bytes));
  ::close(file);
  ::unlink(path.c_str());
  return error;
}

SharedFile::SharedFile(int file, void* base, std::size_t bytes)
    : file_(file), base_(base), bytes_(bytes) {
  watch(reinterpret_cast<std::uintptr_t>(base_), bytes_);
}

SharedFile::~SharedFile() {
  forget(reinterpret_cast<std::uintptr_t>(base_));
  ::munmap(base_, bytes_);
  ::close(file_);
}

bool SharedFile::is_whole() const {
  struct stat info {};
  return ::fstat(file_, &info) == 0 && static_cast<std::size_t>(info.st_size) == bytes_;
}

bool SharedFile::is_at(const std::string& path) const {
  struct stat ours {};
  struct stat theirs {};
  return ::fstat(file_, &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 &&
         ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

void SharedFile::restore(const void* beginning, std::size_t beginning_bytes) const {
  const bool begun =
      ::pwrite(file_, beginning, beginning_bytes, 0) == static_cast<ssize_t>(beginning_bytes);
  if (!begun || ::ftruncate(file_, static_cast<off_t>(bytes_)) != 0) return;
}

}  // namespace rpoguard::serve
