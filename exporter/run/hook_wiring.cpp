#include "exporter/run/hook_wiring.hpp"

#include <array>
#include <string>
#include <utility>

#include <unistd.h>

#include "exporter/notify/webhook.hpp"
#include "exporter/run/hook_runs.hpp"
#include "exporter/run/log.hpp"

namespace rpoguard::run {
namespace {

void log_report(const notify::DeliveryNote& report) {
  using notify::Outcome;
  LogLine line{Level::info, "", {{"hook", report.hook}}};
  if (!report.event.empty()) line.fields.emplace_back("event", report.event);
  if (report.kind) line.fields.emplace_back("kind", core::name_of(*report.kind));
  if (!report.shard.empty()) line.fields.emplace_back("shard", report.shard);
  line.fields.emplace_back("note", report.attempt.note);
  line.fields.emplace_back("tries", std::to_string(report.tries));
  switch (report.attempt.outcome) {
    case Outcome::delivered:
      line.message = "hook delivered";
      break;
    case Outcome::retry:
      line.level = Level::warning;
      line.message = "hook not delivered, it will be tried again";
      break;
    case Outcome::failed:
      line.level = Level::error;
      line.message = "hook not delivered";
      break;
  }
  write_log(line);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

}  // namespace

std::unique_ptr<notify::Hooks> make_hooks(std::shared_ptr<const core::Clock> clock,
                                          std::shared_ptr<const serve::ViewStore> views) {
  notify::Parts parts;
  parts.clock = clock;
  parts.deliver = {{core::HookType::webhook, notify::webhook(clock)},
                   {core::HookType::command, run_command_hook()},
                   {core::HookType::sql, run_sql_hook(clock, std::move(views))}};
  parts.report = log_report;
  return std::make_unique<notify::Hooks>(std::move(parts));
}

std::vector<core::HookSpec> hooks_of(const core::Spec& spec, std::uint16_t ops_port) {
  std::vector<core::HookSpec> hooks = spec.hooks;
  const bool any = spec.ops.host == "0.0.0.0" || spec.ops.host == "::";
  const std::string instance = (any ? host_name() : spec.ops.host) + ":" + std::to_string(ops_port);
  for (core::HookSpec& hook : hooks) {
    if (hook.type != core::HookType::alertmanager) continue;
    hook.labels.emplace("job", "rpoguard");
    hook.labels.emplace("instance", instance);
  }
  return hooks;
}

}  // namespace rpoguard::run
