#include "tests/stack/small_disk.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

namespace rpoguard::test {
namespace {

bool mount_small(const std::string& path) {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=256k,mode=755") == 0;
}

}  // namespace

SmallDisk::SmallDisk() : mounted_(mount_small(dir_.path())) {
  // Inherited by the children: a write beyond the limit is to fail, not to kill.
  if (!mounted_) ::signal(SIGXFSZ, SIG_IGN);
}

SmallDisk::~SmallDisk() {
  if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
}

void SmallDisk::fill(pid_t process) {
  if (!mounted_) {
    limited_ = process;
    return limit(true);
  }
  const int file = ::open((dir_ / "ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot fill " + path());
  const std::array<char, 4096> block{};
  while (::write(file, block.data(), block.size()) > 0) {
  }
  const bool full = errno == ENOSPC;
  ::close(file);
  if (!full) throw std::runtime_error("cannot fill " + path());
}

void SmallDisk::free() {
  if (mounted_) {
    std::filesystem::remove(dir_ / "ballast");
  } else {
    limit(false);
  }
}

void SmallDisk::limit(bool full) {
  rlimit size{};
  size.rlim_cur = full ? 0 : RLIM_INFINITY;
  size.rlim_max = RLIM_INFINITY;
  if (::prlimit(*limited_, RLIMIT_FSIZE, &size, nullptr) != 0)
    throw std::runtime_error("cannot limit the process");
}

}  // namespace rpoguard::test
