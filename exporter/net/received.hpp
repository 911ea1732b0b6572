// How much a peer has sent: what a library keeps of it is the library's secret.
#pragma once

#include <cstdint>
#include <optional>

namespace rpoguard::net {

/// Bytes that have been read from a TCP socket since it was connected, with TLS those of the
/// records. Nullopt: it is no TCP socket, or the kernel does not tell.
std::optional<std::uint64_t> bytes_read(int socket);

/// Bytes that are there to be read.
std::uint64_t bytes_unread(int socket);

}  // namespace rpoguard::net
