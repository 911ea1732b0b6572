#include "exporter/net/received.hpp"

#include <algorithm>
#include <cstddef>

// Not <netinet/tcp.h>, whose tcp_info ends before the field.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace rpoguard::net {

std::optional<std::uint64_t> bytes_read(int socket) {
  const std::uint64_t unread = bytes_unread(socket);  // first: there may be more a moment later
  tcp_info info{};
  socklen_t size = sizeof(info);
  constexpr std::size_t kEnd =
      offsetof(tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received);
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < kEnd)
    return std::nullopt;
  const std::uint64_t received = info.tcpi_bytes_received;
  return received - std::min(unread, received);
}

std::uint64_t bytes_unread(int socket) {
  int count = 0;
  return ::ioctl(socket, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::uint64_t>(count)
                                                             : 0;
}

}  // namespace rpoguard::net
