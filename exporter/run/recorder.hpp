// Gives events their id and time, and passes them on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "exporter/core/clock.hpp"
#include "exporter/core/event.hpp"
#include "exporter/serve/journal.hpp"

namespace rpoguard::run {

/// Not thread-safe: it lives on the loop. The references outlive it.
class Recorder {
 public:
  using Sink = std::function<void(const core::RecordedEvent&, const std::string& json)>;

  /// `sink` gets every event, after the journal has it.
  Recorder(const core::Clock& clock, serve::Journal& journal, Sink sink);
  void record(const core::Event& event);

 private:
  const core::Clock& clock_;
  serve::Journal& journal_;
  const Sink sink_;
  const std::string run_;  // tells the ids of this run from those of any other
  std::uint64_t count_ = 0;
};

}  // namespace rpoguard::run
