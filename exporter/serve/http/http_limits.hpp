// What both HTTP servers demand of a client.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace rpoguard::serve {

/// The empty line that ends the head of a request.
inline constexpr std::string_view kHeadEnd = "\r\n\r\n";

/// A request head, and on the ops listener the TLS handshake before it, must be complete within
/// this time, however slowly it trickles in ...
inline constexpr std::chrono::milliseconds kHeadTimeout{2000};
/// ... or within this time while no thread of the ops listener is free.
inline constexpr std::chrono::milliseconds kHeadTimeoutBusy{250};
/// An answer must be taken within this time.
inline constexpr std::chrono::milliseconds kAnswerTimeout{5000};
/// So much of what nobody wants is thrown away, so that the answer is not lost to a reset.
inline constexpr std::size_t kLingerBytesMax = 256 * 1024;
/// A longer head is refused with 431.
inline constexpr std::size_t kHeadBytesMax = 32 * 1024;

}  // namespace rpoguard::serve
