// Which addresses a listener is bound to. "::" is every address of the machine: of IPv4, too,
// whatever net.ipv6.bindv6only says, and of IPv4 alone where the machine has no IPv6.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "exporter/core/model/spec.hpp"

namespace rpoguard::serve {

/// What to bind to, the next one only if the kernel cannot do the one before (lacks_ipv6()).
inline std::vector<std::string> hosts_to_bind(const core::ListenSpec& listen) {
  if (listen.host == "::") return {"::", "0.0.0.0"};
  return {listen.host};
}

inline bool lacks_ipv6(int error) {
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == ENODEV;
}

/// A socket of IPv6 takes clients of IPv4 as well. Changes nothing for others.
inline void serve_both_families(int socket) {
  const int off = 0;
  ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
}

/// "::ffff:10.0.0.1" is 10.0.0.1, who came over such a socket.
inline std::string plain_address(const std::string& address) {
  const bool mapped = address.starts_with("::ffff:") && address.find('.') != std::string::npos;
  return mapped ? address.substr(7) : address;
}

/// "10.0.0.1:10187", "[::]:10187"
inline std::string render_listener(const std::string& host, std::uint16_t port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace rpoguard::serve
