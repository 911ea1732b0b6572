// Virtual time: events in order, and a trace of the last ones for a person.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "exporter/core/model/units.hpp"

namespace rpoguard::sim {

/// Not thread-safe. Events at the same instant run in the order in which they were added.
class Queue {
 public:
  explicit Queue(bool traced) : traced_(traced) {}

  core::Instant now() const { return now_; }
  void after(core::Duration delay, std::function<void()> action) {
    events_.push_back({now_ + delay, next_++, std::move(action)});
    std::ranges::push_heap(events_, later);
  }
  /// Runs everything up to `until`, or until `stop` says so after an event.
  void run(core::Instant until, const std::function<bool()>& stop) {
    while (!events_.empty() && events_.front().at <= until && !stop()) {
      std::ranges::pop_heap(events_, later);
      Event event = std::move(events_.back());
      events_.pop_back();
      now_ = event.at;
      event.action();
    }
  }

  /// Trace lines are kept only when asked for: a failing seed is run again with tracing on.
  bool traced() const { return traced_; }
  /// An answer, a view: only the last of them matter.
  void trace(const std::string& line) { note(line, false); }
  /// A fault, a failover: all of them matter.
  void tell(const std::string& line) { note(line, true); }
  /// All that was told, and the last of the rest.
  std::string trace_text() const {
    std::size_t skip = details_ - std::min(details_, kDetailsShown);
    std::string text;
    for (const Line& line : trace_) {
      if (!line.told && skip > 0) {
        --skip;
      } else {
        text += line.text + "\n";
      }
    }
    return text;
  }

 private:
  struct Event {
    core::Instant at;
    std::uint64_t number;
    std::function<void()> action;
  };
  static bool later(const Event& a, const Event& b) {
    return a.at != b.at ? a.at > b.at : a.number > b.number;
  }
  struct Line {
    std::string text;
    bool told;
  };
  void note(const std::string& line, bool told) {
    trace_.push_back({core::render_duration(now_.time_since_epoch()) + "  " + line, told});
    if (!told) ++details_;
  }
  static constexpr std::size_t kDetailsShown = 30;
  bool traced_;
  core::Instant now_{std::chrono::seconds(1000)};
  std::uint64_t next_ = 0;
  std::vector<Event> events_;
  std::vector<Line> trace_;
  std::size_t details_ = 0;
};

}  // namespace rpoguard::sim
