#include "demo/tools/link_session.hpp"

#include <algorithm>
#include <utility>

namespace rpoguard::demo {
namespace {

using asio::ip::tcp;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;
constexpr auto kRateStep = std::chrono::milliseconds(10);

}  // namespace

void close_with_reset(asio::ip::tcp::socket& socket) {
  asio::error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

void Session::connect() {
  connecting_ = true;
  asio::error_code error;
  target_.open(tcp::v4(), error);
  target_.set_option(asio::socket_base::receive_buffer_size(kLinkKernelBufferBytes), error);
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
  from_.async_wait(asio::ip::tcp::socket::wait_read,
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
        to_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
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
    to_.async_wait(asio::ip::tcp::socket::wait_write,
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

}  // namespace rpoguard::demo
