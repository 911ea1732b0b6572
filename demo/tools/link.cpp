#include "demo/tools/link.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <future>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <asio.hpp>
#include <sys/socket.h>

namespace rpoguard::demo {
namespace {

using asio::ip::tcp;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;
constexpr int kBacklog = 128;
constexpr int kKernelBufferBytes = 64 * 1024;
constexpr auto kRateStep = std::chrono::milliseconds(10);
constexpr auto kAcceptRetry = std::chrono::milliseconds(50);
/// Our own connections to a listener come from here; nobody else uses this loopback address.
const asio::ip::address_v4 kFillerAddress({127, 90, 81, 73});

std::size_t index_of(Direction direction) {
  return direction == Direction::to_target ? 0 : 1;
}

/// Bytes that may pass in one direction: a token bucket worth a few steps.
class Bucket {
 public:
  void set_rate(std::uint64_t bytes_per_second) {
    rate_ = static_cast<double>(bytes_per_second);
    tokens_ = 0;
    filled_ = SteadyClock::now();
  }
  std::size_t take(std::size_t wanted) {
    if (rate_ == 0) return wanted;
    const auto now = SteadyClock::now();
    tokens_ += rate_ * std::chrono::duration<double>(now - filled_).count();
    tokens_ = std::min(tokens_, std::max(1.0, rate_ * 0.05));
    filled_ = now;
    const std::size_t granted = std::min(wanted, static_cast<std::size_t>(tokens_));
    tokens_ -= static_cast<double>(granted);
    return granted;
  }
  void give_back(std::size_t unused) {
    if (rate_ != 0) tokens_ += static_cast<double>(unused);
  }

 private:
  double rate_ = 0;
  double tokens_ = 0;
  SteadyClock::time_point filled_{};
};

/// What the link lets through at the moment. Touched by the loop thread, counters by anybody.
struct Conditions {
  std::array<bool, 2> cut{};
  bool refused = false;
  SteadyClock::duration delay{};
  std::array<Bucket, 2> buckets;
  std::array<std::atomic<std::uint64_t>, 2> bytes{};
  std::atomic<std::size_t> connections{0};

  bool handshakes_pass() const { return !refused && !cut[0] && !cut[1]; }
};

void close_with_reset(tcp::socket& socket) {
  asio::error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

class Session;

/// One direction of one connection. It moves bytes only inside handlers that have looked at the
/// conditions first, by non-blocking calls: nothing is under way in the reactor when a cut comes.
class Pump {
 public:
  Pump(Session& session, Conditions& conditions, Direction direction, tcp::socket& from,
       tcp::socket& to)
      : session_(session),
        conditions_(conditions),
        direction_(index_of(direction)),
        from_(from),
        to_(to),
        timer_(from.get_executor()) {}

  /// Does all that the conditions permit now.
  void advance();
  void push_reset();
  void stop() { timer_.cancel(); }
  bool finished() const { return finished_; }

 private:
  enum class Kind { data, fin, reset };
  struct Item {
    Kind kind;
    SteadyClock::time_point due;
    std::vector<char> bytes{};
    std::size_t sent = 0;
  };

  void fill();
  void read_once();
  void drain();
  bool drain_data(Item& item);
  void wake_at(SteadyClock::time_point when);
  void push(Kind kind, std::vector<char> bytes = {});

  Session& session_;
  Conditions& conditions_;
  std::size_t direction_;
  tcp::socket& from_;
  tcp::socket& to_;
  asio::steady_timer timer_;
  std::deque<Item> queue_;
  std::size_t queued_ = 0;
  bool waiting_to_read_ = false;
  bool waiting_to_write_ = false;
  bool source_ended_ = false;
  bool finished_ = false;  // the end of the stream has been passed on
};

/// One relayed connection. Kept alive by its pending handlers.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket client, const tcp::endpoint& target, Conditions& conditions,
          std::function<void(const std::shared_ptr<Session>&)> on_end)
      : conditions_(conditions),
        client_(std::move(client)),
        target_(client_.get_executor()),
        endpoint_(target),
        on_end_(std::move(on_end)),
        up_(*this, conditions, Direction::to_target, client_, target_),
        down_(*this, conditions, Direction::to_client, target_, client_) {}

  void advance() {
    if (ended_) return;
    if (!connecting_ && conditions_.handshakes_pass()) connect();
    if (!connected_) return;
    up_.advance();
    if (!ended_) down_.advance();
  }

  void reset() {
    if (ended_) return;
    close_with_reset(client_);
    close_with_reset(target_);
    end();
  }

  void close_if_finished() {
    if (!ended_ && up_.finished() && down_.finished()) end();
  }

  /// A sink has gone: its source learns it by the opposite direction, if that one is not cut.
  void sink_lost(const Pump* pump) { (pump == &up_ ? down_ : up_).push_reset(); }

  bool ended() const { return ended_; }

 private:
  void connect() {
    connecting_ = true;
    asio::error_code error;
    target_.open(tcp::v4(), error);
    target_.set_option(asio::socket_base::receive_buffer_size(kKernelBufferBytes), error);
    target_.async_connect(endpoint_, [self = shared_from_this()](asio::error_code failed) {
      if (self->ended_) return;
      if (failed) return self->reset();
      self->connected_ = true;
      for (tcp::socket* socket : {&self->client_, &self->target_}) {
        asio::error_code ignored;
        socket->non_blocking(true, ignored);
        socket->set_option(tcp::no_delay(true), ignored);
      }
      self->advance();
    });
  }

  void end() {
    ended_ = true;
    up_.stop();
    down_.stop();
    asio::error_code ignored;
    client_.close(ignored);
    target_.close(ignored);
    on_end_(shared_from_this());
  }

  Conditions& conditions_;
  tcp::socket client_;
  tcp::socket target_;
  tcp::endpoint endpoint_;
  std::function<void(const std::shared_ptr<Session>&)> on_end_;
  Pump up_;
  Pump down_;
  bool connecting_ = false;
  bool connected_ = false;
  bool ended_ = false;
};

void Pump::advance() {
  if (session_.ended() || conditions_.cut[direction_]) return;
  drain();
  if (!session_.ended()) fill();
}

void Pump::push(Kind kind, std::vector<char> bytes) {
  queued_ += bytes.size();
  queue_.push_back({kind, SteadyClock::now() + conditions_.delay, std::move(bytes)});
}

void Pump::push_reset() {
  source_ended_ = true;
  queue_.clear();
  queued_ = 0;
  push(Kind::reset);
  advance();
}

void Pump::fill() {
  if (source_ended_ || waiting_to_read_ || queued_ >= kLinkBufferBytes) return;
  waiting_to_read_ = true;
  from_.async_wait(tcp::socket::wait_read,
                   [this, self = session_.shared_from_this()](asio::error_code error) {
                     waiting_to_read_ = false;
                     if (error || self->ended() || conditions_.cut[direction_]) return;
                     if (!source_ended_) read_once();
                     advance();
                   });
}

void Pump::read_once() {
  std::vector<char> bytes(kChunkBytes);
  asio::error_code error;
  const std::size_t count = from_.read_some(asio::buffer(bytes), error);
  if (error == asio::error::would_block) return;
  if (!error) {
    bytes.resize(count);
    return push(Kind::data, std::move(bytes));
  }
  source_ended_ = true;
  push(error == asio::error::eof ? Kind::fin : Kind::reset);
}

void Pump::drain() {
  while (!queue_.empty() && !waiting_to_write_) {
    Item& item = queue_.front();
    if (item.due > SteadyClock::now()) return wake_at(item.due);
    switch (item.kind) {
      case Kind::reset:
        return session_.reset();
      case Kind::fin: {
        asio::error_code ignored;
        to_.shutdown(tcp::socket::shutdown_send, ignored);
        queue_.pop_front();
        finished_ = true;
        return session_.close_if_finished();
      }
      case Kind::data:
        if (!drain_data(item)) return;
    }
  }
}

/// False when it has to wait or the sink is gone.
bool Pump::drain_data(Item& item) {
  const std::size_t left = item.bytes.size() - item.sent;
  const std::size_t granted = conditions_.buckets[direction_].take(left);
  if (granted == 0) {
    wake_at(SteadyClock::now() + kRateStep);
    return false;
  }
  asio::error_code error;
  const std::size_t sent =
      to_.write_some(asio::buffer(item.bytes.data() + item.sent, granted), error);
  conditions_.buckets[direction_].give_back(granted - sent);
  if (error == asio::error::would_block) {
    waiting_to_write_ = true;
    to_.async_wait(tcp::socket::wait_write,
                   [this, self = session_.shared_from_this()](asio::error_code failed) {
                     waiting_to_write_ = false;
                     if (!failed && !self->ended()) advance();
                   });
    return false;
  }
  if (error) {
    source_ended_ = true;
    queue_.clear();
    queued_ = 0;
    session_.sink_lost(this);
    return false;
  }
  conditions_.bytes[direction_] += sent;
  item.sent += sent;
  queued_ -= sent;
  if (item.sent == item.bytes.size()) queue_.pop_front();
  return true;
}

void Pump::wake_at(SteadyClock::time_point when) {
  timer_.expires_at(when);
  timer_.async_wait([this, self = session_.shared_from_this()](asio::error_code error) {
    if (!error && !self->ended()) advance();
  });
}

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
  acceptor.set_option(asio::socket_base::receive_buffer_size(kKernelBufferBytes));
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
