// Free TCP ports for tests that run side by side.
#pragma once

#include <cstdint>

namespace rpoguard::test {

/// A TCP port on which nothing listens, reserved for this process until it ends: no other caller of
/// this function on the machine gets the same one. It lies below the range from which the kernel
/// takes ports for outgoing connections, so those cannot take it either. Thread-safe. Throws
/// std::runtime_error when none is left.
std::uint16_t free_port();

}  // namespace rpoguard::test
