#include <optional>
#include <string>
#include <utility>

#include <asio/io_context.hpp>

#include "exporter/observe/system/child_process.hpp"
#include "exporter/run/hook_runs.hpp"

namespace rpoguard::run {
namespace {

using notify::Attempt;
using notify::Outcome;

observe::ChildInput input_of(const notify::Notice& notice) {
  const core::Event& event = notice.recorded.event;
  return {notice.json + "\n",
          {{"RPOGUARD_EVENT", name_of(event.kind)},
           {"RPOGUARD_SHARD", event.shard},
           {"RPOGUARD_NODE", event.node},
           {"RPOGUARD_FROM", event.from},
           {"RPOGUARD_TO", event.to},
           {"RPOGUARD_REASON", event.reason}}};
}

Attempt run(const core::HookSpec& hook, const notify::Notice& notice,
            const notify::Stopped& stopped) {
  asio::io_context loop{1};
  std::optional<Attempt> outcome;
  observe::ChildProcess::Handlers handlers;
  handlers.output = [](std::string_view) {};
  handlers.end = [&](const std::optional<core::ProbeError>& error) {
    outcome = error ? Attempt{Outcome::retry, error->message}
                    : Attempt{Outcome::delivered, "it ended with 0"};
  };
  const auto child = std::make_shared<observe::ChildProcess>(loop, hook.command,
                                                             std::move(handlers), input_of(notice));
  child->start(hook.timeout);
  while (!outcome && !stopped()) loop.run_for(kLookForStop);
  if (!outcome) {
    child->cancel();
    outcome = Attempt{Outcome::failed, "rpoguard is stopping"};
  }
  loop.run_for(kLookForStop);  // reaps it
  return *outcome;
}

}  // namespace

notify::Deliver run_command_hook() {
  return run;
}

}  // namespace rpoguard::run
