#include "tests/support/ports.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace rpoguard::test {
namespace {

constexpr int kFirst = 12'000;
constexpr int kCount = 20'000;

/// An abstract Unix socket is the lock: like the port it belongs to the network namespace, it
/// vanishes with the process, and it leaves no file. Stays open on purpose.
bool reserve(int port) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const std::string name = "rpoguard-test-port-" + std::to_string(port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), address.sun_path + 1);  // the leading NUL makes it abstract
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0) return true;
  close(fd);
  return false;
}

bool nobody_listens(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  // As servers do: connections of an earlier test in TIME_WAIT do not count.
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    listen(fd, 1) == 0;
  close(fd);
  return free;
}

}  // namespace

std::uint16_t free_port() {
  thread_local std::mt19937 random{std::random_device{}()};
  const int start = std::uniform_int_distribution<int>(0, kCount - 1)(random);
  for (int i = 0; i < kCount; ++i) {
    const int port = kFirst + (start + i) % kCount;
    if (reserve(port) && nobody_listens(port)) return static_cast<std::uint16_t>(port);
  }
  throw std::runtime_error("no free tcp port");
}

}  // namespace rpoguard::test
