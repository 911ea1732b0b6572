#include "exporter/run/recorder.hpp"

#include <utility>

#include "exporter/run/event_json.hpp"
#include "exporter/run/event_log.hpp"

namespace rpoguard::run {

Recorder::Recorder(const core::Clock& clock, serve::Journal& journal, Sink sink)
    : clock_(clock),
      journal_(journal),
      sink_(std::move(sink)),
      run_(std::to_string(clock.wall().time_since_epoch().count())) {}

void Recorder::record(const core::Event& event) {
  if (const auto line = log_line_of(event)) write_log(*line);
  if (!core::is_told(event.kind)) return;
  const core::RecordedEvent recorded{run_ + "-" + std::to_string(++count_), clock_.wall(), event};
  const std::string json = render_event(recorded);
  journal_.append(event.shard, json);
  sink_(recorded, json);
}

}  // namespace rpoguard::run
