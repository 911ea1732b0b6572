// One relayed connection of a Link. Everything here belongs to the thread that runs the link's
// loop.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "demo/tools/link.hpp"
#include <asio.hpp>

namespace rpoguard::demo {

inline constexpr int kLinkKernelBufferBytes = 64 * 1024;

constexpr std::size_t index_of(Direction direction) {
  return direction == Direction::to_target ? 0 : 1;
}

/// Bytes that may pass in one direction: a token bucket worth a few steps.
class Bucket {
 public:
  void set_rate(std::uint64_t bytes_per_second) {
    rate_ = static_cast<double>(bytes_per_second);
    tokens_ = 0;
    filled_ = std::chrono::steady_clock::now();
  }
  std::size_t take(std::size_t wanted) {
    if (rate_ == 0) return wanted;
    const auto now = std::chrono::steady_clock::now();
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
  std::chrono::steady_clock::time_point filled_{};
};

/// What the link lets through at the moment. Touched by the loop thread, counters by anybody.
struct Conditions {
  std::array<bool, 2> cut{};
  bool refused = false;
  std::chrono::steady_clock::duration delay{};
  std::array<Bucket, 2> buckets;
  std::array<std::atomic<std::uint64_t>, 2> bytes{};
  std::atomic<std::size_t> connections{0};

  bool handshakes_pass() const { return !refused && !cut[0] && !cut[1]; }
};

void close_with_reset(asio::ip::tcp::socket& socket);

class Session;

/// One direction of one connection. It moves bytes only inside handlers that have looked at the
/// conditions first, by non-blocking calls: nothing is under way in the reactor when a cut comes.
class Pump {
 public:
  Pump(Session& session, Conditions& conditions, Direction direction, asio::ip::tcp::socket& from,
       asio::ip::tcp::socket& to)
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
    std::chrono::steady_clock::time_point due;
    std::vector<char> bytes{};
    std::size_t sent = 0;
  };

  void fill();
  void read_once();
  void drain();
  bool drain_data(Item& item);
  void wake_at(std::chrono::steady_clock::time_point when);
  void push(Kind kind, std::vector<char> bytes = {});

  Session& session_;
  Conditions& conditions_;
  std::size_t direction_;
  asio::ip::tcp::socket& from_;
  asio::ip::tcp::socket& to_;
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
  Session(asio::ip::tcp::socket client, const asio::ip::tcp::endpoint& target,
          Conditions& conditions, std::function<void(const std::shared_ptr<Session>&)> on_end)
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
  void connect();
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
  asio::ip::tcp::socket client_;
  asio::ip::tcp::socket target_;
  asio::ip::tcp::endpoint endpoint_;
  std::function<void(const std::shared_ptr<Session>&)> on_end_;
  Pump up_;
  Pump down_;
  bool connecting_ = false;
  bool connected_ = false;
  bool ended_ = false;
};

}  // namespace rpoguard::demo
