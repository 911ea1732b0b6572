#include "exporter/run/service.hpp"

#include <atomic>
#include <csignal>
#include <future>
#include <memory>
#include <system_error>
#include <utility>

#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <sys/utsname.h>

#include "exporter/config/load.hpp"
#include "exporter/config/secret.hpp"
#include "exporter/core/tell/advice.hpp"
#include "exporter/core/tell/alert.hpp"
#include "exporter/run/hook_wiring.hpp"
#include "exporter/run/log.hpp"
#include "exporter/run/monitor.hpp"
#include "exporter/run/process_start.hpp"
#include "exporter/run/recorder.hpp"
#include "exporter/run/service_manager.hpp"
#include "exporter/run/system_clock.hpp"
#include "exporter/run/web_keeper.hpp"
#include "exporter/serve/gate/agent_check.hpp"
#include "exporter/serve/gate/gate_handler.hpp"
#include "exporter/serve/gate/gate_http.hpp"
#include "exporter/serve/http/host_guard.hpp"
#include "exporter/serve/http/http_server.hpp"
#include "exporter/serve/http/listen_host.hpp"
#include "exporter/serve/ops/ops_handler.hpp"

namespace rpoguard::run {
namespace {

// Own threads for each listener: callers of the gate cannot starve a scrape or a probe, nor the
// reverse.
constexpr std::size_t kOpsThreads = 8;
constexpr std::size_t kHealthThreads = 2;
constexpr std::chrono::milliseconds kLoopWait{5000};
constexpr std::chrono::milliseconds kLoopPoll{50};

std::vector<std::string> own_names(const core::Spec& spec) {
  std::vector<std::string> names = spec.ops_hosts;
  names.push_back(spec.ops.host);
  utsname machine{};
  if (::uname(&machine) == 0) names.emplace_back(&machine.nodename[0]);
  return names;
}

std::string join(const std::vector<config::Diagnostic>& diagnostics) {
  std::string text;
  for (const auto& diagnostic : diagnostics) text += config::render(diagnostic) + "\n";
  return text;
}

constexpr const char* kWhatIsShort =
    "raise the limits of open files and of processes (ulimit -n, ulimit -u, LimitNOFILE)";

void complain_of_start(const base::Error& error) {
  write_log({Level::error, "cannot start", {{"error", error.message}, {"hint", error.hint}}});
}

// Callers of the gate may take three quarters of them.
void warn_of_few_descriptors(const core::Spec& spec, std::size_t descriptors) {
  std::size_t nodes = 0;
  for (const core::ShardSpec& shard : spec.shards) nodes += shard.nodes.size();
  if (descriptors / 4 >= nodes + core::limits::kDescriptorsMin / 4) return;
  write_log({Level::warning,
             "few file descriptors: a crowd at the gate could keep rpoguard from its nodes",
             {{"limit", std::to_string(descriptors)},
              {"nodes", std::to_string(nodes)},
              {"hint", kWhatIsShort}}});
}

// The running program: owns the loop and everything on it.
class Service {
 public:
  Service(std::string config_file, core::Part part, WebFiles web_files)
      : config_file_(std::move(config_file)), part_(part), web_files_(std::move(web_files)) {}

  /// Listens, and has everything run on the loop; false: it cannot, and the log says why.
  bool begin(std::size_t descriptors);
  /// Until it is told to stop; the exit code.
  int run() {
    loop_.run();
    return exit_code_;
  }

 private:
  config::Loaded load(config::Waiting waiting) const;
  base::Result<void> start(std::shared_ptr<const core::Spec> spec);
  base::Result<void> listen(const core::Spec& spec);
  base::Result<std::unique_ptr<serve::HttpServer>> listen_ops(const core::Spec& spec,
                                                              const serve::OpsContext& context);
  base::Result<std::unique_ptr<serve::StreamServer>> listen_gate(const core::Spec& spec,
                                                                 const serve::GateContext& context);
  void apply_hooks(const core::Spec& spec);
  void await_signals();
  base::Result<void> reload_on_loop();
  base::Result<std::string> freeze_on_loop(const serve::FreezeOrder& order);
  serve::Control control(const core::Spec& spec);
  /// For threads of the ops listener: has the loop do it, and waits.
  template <typename T>
  base::Result<T> on_loop(std::function<base::Result<T>()> work);
  void shut_down(int exit_code);

  const std::string config_file_;
  const core::Part part_;
  const WebFiles web_files_;
  // Shared with threads that a receiver which hangs may keep beyond the end.
  const std::shared_ptr<const SystemClock> shared_clock_ = std::make_shared<SystemClock>();
  const SystemClock& clock_ = *shared_clock_;
  asio::io_context loop_{1};
  // Those that end it are added once there is something to end.
  asio::signal_set signals_{loop_, SIGHUP};
  const std::shared_ptr<serve::ViewStore> shared_views_ = std::make_shared<serve::ViewStore>();
  serve::ViewStore& views_ = *shared_views_;
  serve::GateCounters gate_counters_;
  serve::ReloadStatus reload_status_;
  std::atomic<bool> stopping_{false};
  serve::Journal journal_;
  std::unique_ptr<notify::Hooks> hooks_ = make_hooks(shared_clock_, shared_views_);
  Recorder recorder_{clock_, journal_,
                     [this](const core::RecordedEvent& recorded, const std::string& json) {
                       hooks_->publish({recorded, json, clock_.now()});
                     }};
  Monitor monitor_{loop_,
                   clock_,
                   views_,
                   {[this](const core::Event& event) { recorder_.record(event); },
                    [this](const core::ShardView& view) {
                      hooks_->set_alerts(view.spec->id, core::alerts_of(view));
                    }}};
  WebKeeper web_{clock_};
  std::unique_ptr<serve::HttpServer> ops_;
  std::unique_ptr<serve::StreamServer> gate_;
  std::unique_ptr<serve::StreamServer> agent_;  // null: not configured
  std::unique_ptr<serve::HttpServer> health_;   // the same
  int exit_code_ = 0;
};

bool Service::begin(std::size_t descriptors) {
  // A pipe that is its own configuration may be waited for: nobody needs rpoguard yet.
  const config::Loaded loaded = load(config::Waiting::wait);
  if (!loaded.spec) {
    write_plainly(join(loaded.diagnostics));
    return false;
  }
  if (const std::string problems = web_.open(web_files_); !problems.empty()) {
    write_plainly(problems);
    return false;
  }
  warn_of_few_descriptors(*loaded.spec, descriptors);
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  reload_status_.set({true, clock_.wall()});
  const auto started = start(std::make_shared<const core::Spec>(*loaded.spec));
  if (!started) complain_of_start(started.error());
  return started.ok();
}

// The file as a whole must be valid, also what other parts watch.
config::Loaded Service::load(config::Waiting waiting) const {
  config::Loaded loaded = config::load_file(config_file_, waiting);
  if (!loaded.spec) return loaded;
  for (const std::string& doubt : core::doubts_about(*loaded.spec))
    write_log({Level::warning, "the configuration may not mean this", {{"detail", doubt}}});
  core::keep_part(*loaded.spec, part_);
  return loaded;
}

base::Result<void> Service::start(std::shared_ptr<const core::Spec> spec) {
  // Bound before anything runs: a port in use is an error at start, not a silent half service.
  if (const auto listening = listen(*spec); !listening) return listening.error();
  apply_hooks(*spec);
  if (const auto started = monitor_.start(spec); !started) return started.error();
  await_signals();
  const auto failed = [this](const char* which) {
    return [this, which] {
      asio::post(loop_, [this, which] {
        write_log({Level::error, "listener failed", {{"listener", which}}});
        shut_down(1);
      });
    };
  };
  web_.start();
  ops_->start(failed("ops"));
  gate_->start(failed("gate"));
  if (agent_) agent_->start(failed("agent"));
  if (health_) health_->start(failed("health"));
  write_log({Level::info,
             "rpoguard is up",
             {{"version", RPOGUARD_VERSION},
              {"ops", serve::render_listener(spec->ops.host, ops_->port())},
              {"gate", serve::render_listener(spec->gate.host, gate_->port())},
              {"shards", std::to_string(spec->shards.size())}}});
  notify_service_manager("READY=1");
  return {};
}

base::Result<void> Service::listen(const core::Spec& spec) {
  const serve::HealthContext health_context{
      .views = views_, .clock = clock_, .stopping = stopping_};
  const serve::GateContext gate_context{
      .views = views_, .clock = clock_, .stopping = stopping_, .counters = gate_counters_};
  const serve::OpsContext ops_context{
      .health = health_context,
      .metrics = {.views = views_,
                  .clock = clock_,
                  .stopping = stopping_,
                  .gate_counters = gate_counters_,
                  .reload_status = reload_status_,
                  .hook_stats = [this] { return hooks_->stats(); },
                  .web_stats = [this] { return web_.stats(); },
                  .given_up =
                      [this] {
                        return std::vector<serve::GivenUp>{{"ops", ops_->given_up()},
                                                           {"gate", gate_->given_up()}};
                      },
                  .dropped_log_lines = dropped_log_lines},
      .journal = journal_,
      .control = control(spec),
      .reload = [this] { return on_loop<void>([this] { return reload_on_loop(); }); }};
  auto ops = listen_ops(spec, ops_context);
  if (!ops) return ops.error();
  auto gate = listen_gate(spec, gate_context);
  if (!gate) return gate.error();
  if (spec.health) {
    auto health = serve::HttpServer::bind(*spec.health, {kHealthThreads},
                                          serve::make_health_handler(health_context));
    if (!health) return health.error();
    health_ = std::move(health).value();
  }
  if (spec.agent) {
    auto agent = serve::StreamServer::bind(*spec.agent, serve::agent_stream_options(),
                                           serve::make_agent_protocol(gate_context));
    if (!agent) return agent.error();
    agent_ = std::move(agent).value();
  }
  ops_ = std::move(ops).value();
  gate_ = std::move(gate).value();
  return {};
}

base::Result<std::unique_ptr<serve::HttpServer>> Service::listen_ops(
    const core::Spec& spec, const serve::OpsContext& context) {
  serve::HttpHandler handler = serve::make_ops_handler(context);
  serve::WebGuard* guard = web_.guard(config::WebListener::ops);
  // With TLS, the certificate has the name.
  if (guard == nullptr || !guard->new_session())
    handler = serve::with_own_host(std::move(handler), own_names(spec));
  // The token stands where the password would; the handler checks it.
  if (guard != nullptr) {
    const bool has_token = !spec.control_token_file.empty();
    handler = serve::guarded(
        *guard, std::move(handler),
        has_token ? serve::brings_token : std::function<bool(const serve::HttpRequest&)>());
  }
  return serve::HttpServer::bind(spec.ops, {kOpsThreads, guard}, std::move(handler));
}

base::Result<std::unique_ptr<serve::StreamServer>> Service::listen_gate(
    const core::Spec& spec, const serve::GateContext& context) {
  serve::HttpHandler handler = serve::make_gate_handler(context);
  serve::StreamOptions options = serve::http_stream_options();
  options.web = web_.guard(config::WebListener::gate);
  if (options.web != nullptr) handler = serve::guarded(*options.web, std::move(handler));
  return serve::StreamServer::bind(spec.gate, std::move(options),
                                   serve::make_http_protocol(std::move(handler)));
}

void Service::apply_hooks(const core::Spec& spec) {
  std::vector<std::string> shards;
  for (const core::ShardSpec& shard : spec.shards) shards.push_back(shard.id);
  hooks_->apply(hooks_of(spec, ops_->port()));
  hooks_->keep_shards(shards);
}

void Service::await_signals() {
  signals_.async_wait([this](const std::error_code& error, int signal) {
    if (error) return;
    if (signal != SIGHUP) {
      write_log({Level::info, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}}});
      shut_down(0);
      return;
    }
    static_cast<void>(reload_on_loop());
    await_signals();
  });
}

template <typename T>
base::Result<T> Service::on_loop(std::function<base::Result<T>()> work) {
  auto outcome = std::make_shared<std::promise<base::Result<T>>>();
  auto future = outcome->get_future();
  asio::post(loop_, [outcome, work = std::move(work)] { outcome->set_value(work()); });
  // The loop may be shutting down, and waiting for this very thread.
  for (auto waited = kLoopPoll; future.wait_for(kLoopPoll) != std::future_status::ready;
       waited += kLoopPoll) {
    if (stopping_) return base::Error{"rpoguard is stopping"};
    if (waited >= kLoopWait) return base::Error{"it is not done in time", "see the log"};
  }
  return future.get();
}

serve::Control Service::control(const core::Spec& spec) {
  serve::Control control;
  control.loopback = serve::is_loopback(spec.ops.host) || spec.ops.host == "localhost";
  if (!spec.control_token_file.empty()) {
    control.token = [file = spec.control_token_file] {
      return config::reveal_password({.file = file, .env = {}});
    };
  }
  control.freeze = [this](const serve::FreezeOrder& order) {
    return on_loop<std::string>([this, order] { return freeze_on_loop(order); });
  };
  control.waive = [this](const serve::WaiverOrder& order) {
    return on_loop<serve::Reply>([this, order] { return monitor_.waive(order); });
  };
  control.lower = [this](const serve::LowerOrder& order) {
    return on_loop<serve::Reply>([this, order] { return monitor_.lower(order); });
  };
  control.forget_rival = [this](const serve::NodeOrder& order) {
    return on_loop<std::string>([this, order] { return monitor_.forget_rival(order); });
  };
  control.readmit = [this](const serve::NodeOrder& order) {
    return on_loop<std::string>([this, order] { return monitor_.readmit(order); });
  };
  return control;
}

base::Result<std::string> Service::freeze_on_loop(const serve::FreezeOrder& order) {
  std::optional<core::Freeze> freeze;
  if (order.freeze) freeze = {order.by, order.reason, clock_.wall(), order.until};
  const std::string ended =
      "unfrozen by " + order.by + (order.reason.empty() ? "" : ": " + order.reason);
  const auto done = monitor_.set_freeze(order.shard, freeze, ended);
  if (!done) return done.error();
  std::string text = (order.shard ? "shard " + *order.shard : std::string("all shards")) + ": " +
                     (freeze ? core::render_freeze(*freeze) : ended) + "\n";
  for (const core::ShardSpec& shard : monitor_.spec().shards) {
    const bool meant = !order.shard || shard.id == *order.shard;
    if (freeze && meant && shard.gate.mode != core::GateMode::enforce)
      text += "shard " + shard.id + ": its gate.mode is " + name_of(shard.gate.mode) +
              ", so callers are not refused\n";
  }
  return text;
}

base::Result<void> Service::reload_on_loop() {
  const auto refuse = [this](const base::Error& error) -> base::Result<void> {
    reload_status_.set({false, reload_status_.get().last_success});
    recorder_.record({.kind = core::EventKind::config_refused, .text = error.message});
    return error;
  };
  const config::Loaded loaded = load(config::Waiting::fail);
  if (!loaded.spec) return refuse({join(loaded.diagnostics), ""});
  const core::Spec& before = monitor_.spec();
  if (loaded.spec->ops != before.ops || loaded.spec->ops_hosts != before.ops_hosts ||
      loaded.spec->gate != before.gate || loaded.spec->agent != before.agent ||
      loaded.spec->health != before.health || loaded.spec->state_dir != before.state_dir ||
      loaded.spec->control_token_file != before.control_token_file) {
    return refuse({"listen, state_dir and control cannot change while running",
                   "restart rpoguard to change them"});
  }
  const auto applied = monitor_.apply(std::make_shared<const core::Spec>(*loaded.spec));
  if (!applied) return refuse(applied.error());
  apply_hooks(*loaded.spec);
  reload_status_.set({true, clock_.wall()});
  const std::string shards = std::to_string(loaded.spec->shards.size());
  recorder_.record({.kind = core::EventKind::config_reloaded,
                    .text = shards + " shards",
                    .details = {{"shards", shards}}});
  return {};
}

// Readiness says no, and gate and lease page close first; then the listeners go, then the loop.
void Service::shut_down(int exit_code) {
  notify_service_manager("STOPPING=1");
  stopping_ = true;
  exit_code_ = exit_code;
  monitor_.stop();
  web_.stop();
  if (agent_) agent_->stop();
  gate_->stop();
  ops_->stop();
  if (health_) health_->stop();
  hooks_.reset();
  signals_.cancel();
  loop_.stop();
}

// Null: it cannot start, and the log says why. What is short, descriptors or threads, is thrown.
std::unique_ptr<Service> begin_service(const std::string& config_file, core::Part part,
                                       const WebFiles& web_files) {
  const std::size_t descriptors = raise_descriptor_limit();
  if (descriptors < core::limits::kDescriptorsMin) {
    complain_of_start(
        {"the process may open only " + std::to_string(descriptors) + " files", kWhatIsShort});
    return nullptr;
  }
  try {
    auto service = std::make_unique<Service>(config_file, part, web_files);
    return service->begin(descriptors) ? std::move(service) : nullptr;
  } catch (const std::system_error& error) {
    complain_of_start({error.what(), kWhatIsShort});
    return nullptr;
  }
}

}  // namespace

int run_service(const std::string& config_file, core::Part part, const WebFiles& web_files) {
  start_logging();
  int exit_code = 1;
  if (const auto service = begin_service(config_file, part, web_files)) exit_code = service->run();
  finish_logging();
  return exit_code;
}

}  // namespace rpoguard::run
