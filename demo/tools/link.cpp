#include "demo/tools/link.hpp"

#include <future>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "demo/tools/link_session.hpp"
#include <asio.hpp>
#include <sys/socket.h>

namespace rpoguard::demo {
namespace {

using asio::ip::tcp;

constexpr int kBacklog = 128;
constexpr auto kAcceptRetry = std::chrono::milliseconds(50);
/// Our own connections to a listener come from here; nobody else uses this loopback address.
const asio::ip::address_v4 kFillerAddress({127, 90, 81, 73});

/// Binds so that the port survives refuse(): the kernel keeps the port of a listener that is shut
/// down only if its number was asked for explicitly.
void bind_listener(tcp::acceptor& acceptor, std::uint16_t port) {
  const auto loopback = asio::ip::address_v4::loopback();
  tcp::socket reservation(acceptor.get_executor());
  if (port == 0) {
    reservation.open(tcp::v4());
    reservation.set_option(asio::socket_base::reuse_address(true));
    reservation.bind({loopback, 0});
    port = reservation.local_endpoint().port();
  }
  acceptor.open(tcp::v4());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.set_option(asio::socket_base::receive_buffer_size(kLinkKernelBufferBytes));
  acceptor.bind({loopback, port});
  reservation.close();
  acceptor.listen(kBacklog);
  acceptor.non_blocking(true);
}

}  // namespace

const char* name_of(LinkState state) {
  switch (state) {
    case LinkState::up:
      return "up";
    case LinkState::cut:
      return "cut";
    case LinkState::cut_to_target:
      return "cut_to_target";
    case LinkState::cut_to_client:
      return "cut_to_client";
    case LinkState::refused:
      return "refused";
  }
  return "";
}

/// All members but the atomics belong to the loop thread once it runs.
class Link::Impl {
 public:
  explicit Impl(const LinkOptions& options)
      : target(asio::ip::make_address_v4(options.target_host), options.target_port) {
    bind_listener(acceptor, options.listen_port);
    port = acceptor.local_endpoint().port();
    accept();
    thread = std::thread([this] { io.run(); });
  }

  ~Impl() {
    asio::post(io, [this] {
      reset_sessions();
      io.stop();
    });
    thread.join();
  }

  void set_state(LinkState next) {
    state = next;
    const bool both = next == LinkState::cut;
    conditions.cut = {both || next == LinkState::cut_to_target,
                      both || next == LinkState::cut_to_client};
    conditions.refused = next == LinkState::refused;
    if (conditions.refused) {
      reset_sessions();
      stop_listening();
    } else if (both || conditions.cut[0] || conditions.cut[1]) {
      block_handshakes();
    } else {
      listen();
    }
    advance_all();
  }

  void advance_all() {
    const auto all = sessions;  // advancing may end sessions
    for (const auto& session : all) session->advance();
  }

  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
  std::uint16_t port = 0;
  Conditions conditions;
  std::atomic<LinkState> state{LinkState::up};

 private:
  void accept() {
    if (accepting || !conditions.handshakes_pass()) return;
    accepting = true;
    acceptor.async_accept([this](asio::error_code error, tcp::socket socket) {
      accepting = false;
      if (!error) {
        admit(std::move(socket));
      } else if (error != asio::error::operation_aborted) {
        // Out of descriptors, or the listener was shut down: look again in a moment.
        retry.expires_after(kAcceptRetry);
        retry.async_wait([this](asio::error_code cancelled) {
          if (!cancelled) accept();
        });
        return;
      }
      accept();
    });
  }

  void admit(tcp::socket socket) {
    asio::error_code error;
    const auto peer = socket.remote_endpoint(error);
    if (error || peer.address() == kFillerAddress || conditions.refused) {
      return close_with_reset(socket);
    }
    const auto session = std::make_shared<Session>(std::move(socket), target, conditions,
                                                   [this](const std::shared_ptr<Session>& ended) {
                                                     sessions.erase(ended);
                                                     conditions.connections = sessions.size();
                                                   });
    sessions.insert(session);
    conditions.connections = sessions.size();
    session->advance();
  }

  void reset_sessions() {
    const auto all = sessions;
    for (const auto& session : all) session->reset();
  }

  void stop_listening() {
    asio::error_code ignored;
    acceptor.cancel(ignored);
    filler.reset();
    ::shutdown(acceptor.native_handle(), SHUT_RD);  // Linux: back to bound; connects are refused
  }

  /// A listener whose queue is full makes Linux drop SYNs: connect() hangs as on a dead cable. The
  /// one place of a queue of length 0 is taken by a connection of our own.
  void block_handshakes() {
    asio::error_code ignored;
    acceptor.cancel(ignored);
    ::listen(acceptor.native_handle(), 0);
    if (filler) return;
    filler.emplace(io);
    filler->open(tcp::v4(), ignored);
    filler->bind({kFillerAddress, 0}, ignored);
    filler->native_non_blocking(true, ignored);
    const tcp::endpoint self(asio::ip::address_v4::loopback(), port);
    [[maybe_unused]] const int pending =
        ::connect(filler->native_handle(), self.data(), static_cast<socklen_t>(self.size()));
  }

  void listen() {
    ::listen(acceptor.native_handle(), kBacklog);
    filler.reset();
    accept();
  }

  tcp::endpoint target;
  tcp::acceptor acceptor{io};
  asio::steady_timer retry{io};
  std::set<std::shared_ptr<Session>> sessions;
  std::optional<tcp::socket> filler;
  bool accepting = false;
  std::thread thread;
};

Link::Link(const LinkOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Link::~Link() = default;

void Link::apply(const std::function<void()>& change) const {
  const auto done = std::make_shared<std::promise<void>>();  // outlives the wake-up of the waiter
  asio::post(impl_->io, [&change, done] {
    change();
    done->set_value();
  });
  done->get_future().wait();
}

std::uint16_t Link::port() const {
  return impl_->port;
}
void Link::heal() {
  apply([this] { impl_->set_state(LinkState::up); });
}
void Link::cut() {
  apply([this] { impl_->set_state(LinkState::cut); });
}
void Link::cut(Direction direction) {
  apply([this, direction] {
    impl_->set_state(direction == Direction::to_target ? LinkState::cut_to_target
                                                       : LinkState::cut_to_client);
  });
}
void Link::refuse() {
  apply([this] { impl_->set_state(LinkState::refused); });
}
void Link::set_delay(std::chrono::milliseconds each_way) {
  apply([this, each_way] { impl_->conditions.delay = each_way; });
}
void Link::set_rate(std::uint64_t bytes_per_second) {
  apply([this, bytes_per_second] {
    for (Bucket& bucket : impl_->conditions.buckets) bucket.set_rate(bytes_per_second);
    impl_->advance_all();
  });
}
LinkState Link::state() const {
  return impl_->state;
}
std::size_t Link::connections() const {
  return impl_->conditions.connections;
}
std::uint64_t Link::bytes(Direction direction) const {
  return impl_->conditions.bytes[index_of(direction)];
}

}  // namespace rpoguard::demo
