// A wide-area link that can be broken: a TCP relay on the loopback with a switch. The demo and the
// tests put it between regions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace rpoguard::demo {

enum class Direction { to_target, to_client };

enum class LinkState { up, cut, cut_to_target, cut_to_client, refused };
/// "up", "cut", "cut_to_target", "cut_to_client", "refused".
const char* name_of(LinkState state);

struct LinkOptions {
  std::uint16_t listen_port = 0;          ///< on 127.0.0.1; 0 picks a free one
  std::string target_host = "127.0.0.1";  ///< an IPv4 address, no name
  std::uint16_t target_port = 0;
};

/// Relays 127.0.0.1:port() to the target. Runs on its own thread.
///
/// Every control is thread-safe and returns only once it is in force: after cut() has returned, not
/// one more byte passes. The last of heal, cut and refuse wins; delay and rate are independent of
/// them and stay until they are set again.
///
/// What differs from a real cable: the relay's kernel acknowledges what it has received, so an
/// endpoint sees its own writes succeed until the buffers (about 128 KiB in the kernel and
/// kLinkBufferBytes here, per connection and direction) are full; and a target that refuses shows
/// itself to the client as a connection that is reset at once. For the same reason what a killed
/// process has sent into a cut still flows after heal(), as from a machine that lives on. A machine
/// or region that is lost takes it along: refuse(), then heal().
class Link {
 public:
  /// Throws std::system_error if the port cannot be bound or the target is no address.
  explicit Link(const LinkOptions& options);
  ~Link();  ///< resets whatever is still connected
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  std::uint16_t port() const;

  /// Ends a cut or a refusal. What a cut has held flows now, in order. A connection attempt made
  /// during a cut succeeds when its kernel sends the next SYN: 1, 3, 7, 15 s after the first.
  void heal();
  /// Packets are dropped: no byte, FIN or RST passes in either direction. Connections stay open and
  /// silent; new ones hang in connect().
  void cut();
  /// The same in one direction only. New connections hang, as no handshake can complete. Replaces
  /// an earlier cut of the other direction.
  void cut(Direction direction);
  /// Connections are reset and new ones refused. The port stays reserved.
  void refuse();
  /// What is read from now on arrives this much later, each way. 0 = no delay.
  void set_delay(std::chrono::milliseconds each_way);
  /// Bytes per second in each direction, all connections together. 0 = unlimited.
  void set_rate(std::uint64_t bytes_per_second);

  LinkState state() const;
  /// Connections that are open now, silent ones included.
  std::size_t connections() const;
  /// Bytes delivered in this direction since the start.
  std::uint64_t bytes(Direction direction) const;

 private:
  class Impl;
  void apply(const std::function<void()>& change) const;
  std::unique_ptr<Impl> impl_;
};

/// Bytes a connection may hold per direction before the relay stops reading from its source.
inline constexpr std::size_t kLinkBufferBytes = std::size_t{1024} * 1024;

}  // namespace rpoguard::demo
