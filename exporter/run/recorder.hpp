// Tells of an event wherever it has to be told: log, journal, hooks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "exporter/core/model/clock.hpp"
#include "exporter/core/tell/event.hpp"
#include "exporter/serve/ops/journal.hpp"

namespace rpoguard::run {

/// Not thread-safe: it lives on the loop. The references outlive it.
class Recorder {
 public:
  using Sink = std::function<void(const core::RecordedEvent&, const std::string& json)>;

  /// `sink` gets every event that the journal gets, right after it.
  Recorder(const core::Clock& clock, serve::Journal& journal, Sink sink);
  /// Writes the log line of its kind. An event that hooks and the journal get is given its id and
  /// time.
  void record(const core::Event& event);

 private:
  const core::Clock& clock_;
  serve::Journal& journal_;
  const Sink sink_;
  const std::string run_;  // tells the ids of this run from those of any other
  std::uint64_t count_ = 0;
};

}  // namespace rpoguard::run
