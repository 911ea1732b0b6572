// A deadline on the loop.
#pragma once

#include <cstdint>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "exporter/core/model/units.hpp"

namespace rpoguard::observe {

/// Calls back once when the time is over, from the loop, unless arm() or cancel() comes first: also
/// a callback that is already queued by then is dropped. Not thread-safe.
class Deadline {
 public:
  explicit Deadline(asio::io_context& loop) : timer_(loop) {}

  /// `late` keeps the owner of this deadline alive, e.g. by a shared_ptr.
  template <typename Callback>
  void arm(core::Duration patience, Callback late) {
    timer_.expires_after(patience);
    timer_.async_wait([this, armed = ++armed_, late = std::move(late)](asio::error_code error) {
      if (!error && armed == armed_) late();
    });
  }

  void cancel() {
    ++armed_;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  std::uint64_t armed_ = 0;
};

}  // namespace rpoguard::observe
