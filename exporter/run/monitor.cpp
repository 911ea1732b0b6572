#include "exporter/run/monitor.hpp"

#include <algorithm>
#include <utility>

#include <asio/post.hpp>

#include "exporter/config/secret.hpp"
#include "exporter/core/judge/lowered.hpp"
#include "exporter/core/tell/compare.hpp"
#include "exporter/run/log.hpp"

namespace rpoguard::run {
namespace {

constexpr const char* kNoSuchShard = "there is no such shard";

base::Error not_on_disk(const std::string& shards) {
  return {"in force, but not on disk for shard " + shards,
          "a restart would forget it: check state_dir, then repeat the command"};
}

}  // namespace

Monitor::Monitor(asio::io_context& loop, const core::Clock& clock, serve::ViewStore& views,
                 MonitorSinks sinks)
    : loop_(loop), clock_(clock), views_(views), sinks_(std::move(sinks)), timer_(loop) {}

Monitor::~Monitor() {
  stop();
}

base::Result<Monitor::Shard> Monitor::make_shard(const core::ShardSpec& spec) {
  const auto loaded = state_->load(spec.id);
  if (!loaded) return loaded.error();
  Shard shard;
  shard.spec = std::make_shared<const core::ShardSpec>(spec);
  shard.saved = loaded.value();
  shard.memory.durable = core::recall(loaded.value(), spec);
  shard.observations.nodes.resize(spec.nodes.size());
  shard.observations.slow.resize(spec.nodes.size());
  return shard;
}

base::Result<void> Monitor::start(std::shared_ptr<const core::Spec> spec) {
  state_ = std::make_unique<StateStore>(spec->state_dir);
  if (const auto prepared = state_->prepare(); !prepared) return prepared.error();
  for (const core::ShardSpec& each : spec->shards) {
    auto shard = make_shard(each);
    if (!shard) return shard.error();
    shards_.push_back(std::move(shard).value());
  }
  spec_ = std::move(spec);
  alive_ = std::make_shared<bool>(true);
  publish();
  probe();
  arm_timer();
  return {};
}

base::Result<void> Monitor::apply(std::shared_ptr<const core::Spec> spec) {
  std::vector<Shard> next;
  for (const core::ShardSpec& each : spec->shards) {
    auto shard = make_shard(each);
    if (!shard) return shard.error();
    next.push_back(std::move(shard).value());
  }
  // From here on nothing fails: the old configuration is left behind.
  prober_.reset();
  witness_prober_.reset();
  archive_prober_.reset();
  endpoint_prober_.reset();
  for (Shard& to : next) {
    const auto from =
        std::ranges::find_if(shards_, [&](const Shard& s) { return s.spec->id == to.spec->id; });
    if (from == shards_.end()) continue;
    to.memory = core::adopt(std::move(from->memory), *from->spec, *to.spec);
    to.saved = from->saved;
    // The last view stands, with its lease, until the first look under the new configuration.
    to.view = from->view;
  }
  shards_ = std::move(next);
  spec_ = std::move(spec);
  dirty_.clear();
  probe();
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) wake(shard);
  return {};
}

void Monitor::probe() {
  observe::Sink sink;
  sink.fast = [this](std::size_t shard, std::size_t node, core::NodeObservation observation) {
    shards_[shard].observations.nodes[node] = std::move(observation);
    wake(shard);
  };
  sink.slow = [this](std::size_t shard, std::size_t node, core::SlowObservation observation) {
    shards_[shard].observations.slow[node] = std::move(observation);
  };
  prober_ = std::make_unique<observe::Prober>(loop_, spec_, clock_, config::reveal_password,
                                              std::move(sink));
  prober_->start();
  probe_witnesses();
  probe_archives();
  probe_endpoints();
}

void Monitor::probe_archives() {
  archive_prober_ = std::make_unique<observe::ArchiveProber>(
      loop_, spec_, clock_, [this](std::size_t shard, core::ArchiveObservation observation) {
        shards_[shard].observations.archive = std::move(observation);
        wake(shard);
      });
  archive_prober_->start();
}

void Monitor::probe_witnesses() {
  witness_prober_ = std::make_unique<observe::WitnessProber>(
      loop_, spec_, clock_, config::reveal_password,
      [this](std::size_t shard, observe::WitnessKind kind, core::WitnessObservation observation) {
        core::ShardObservations& observations = shards_[shard].observations;
        (kind == observe::WitnessKind::epoch ? observations.epoch_witness
                                             : observations.generation_witness) =
            std::move(observation);
        wake(shard);
      });
  witness_prober_->start();
}

void Monitor::probe_endpoints() {
  endpoint_prober_ = std::make_unique<observe::EndpointProber>(
      loop_, spec_, clock_, config::reveal_password,
      [this](std::size_t shard, core::EndpointObservation observation) {
        shards_[shard].observations.endpoint = std::move(observation);
        wake(shard);
      });
  endpoint_prober_->start();
}

// Answers that arrive together are judged together.
void Monitor::wake(std::size_t shard) {
  dirty_.insert(shard);
  if (round_posted_) return;
  round_posted_ = true;
  asio::post(loop_, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) round();
  });
}

void Monitor::round() {
  round_posted_ = false;
  for (const std::size_t shard : std::exchange(dirty_, {})) evaluate_shard(shards_[shard], shard);
  publish();
}

void Monitor::evaluate_shard(Shard& shard, std::size_t index) {
  auto [view, memory] = core::evaluate(shard.spec, std::move(shard.memory), shard.observations,
                                       spec_->probe, clock_.now(), clock_.wall());
  shard.memory = std::move(memory);
  // Before anybody can act on a new epoch it is on disk.
  save(shard);
  view.state_saved = !shard.save_failed;
  for (core::Event& event : core::events_between(shard.view.get(), view))
    untold_.push_back(std::move(event));
  sinks_.view(view);

  std::optional<std::size_t> writer;
  for (std::size_t node = 0; node < view.nodes.size(); ++node) {
    if (view.nodes[node].state == core::NodeState::writer) writer = node;
  }
  prober_->set_writer(index, writer);
  prober_->expect_mark(index, writer.value_or(0), writer ? view.run : std::nullopt);
  if (view.probe_interval > core::Duration::zero())
    prober_->set_interval(index, view.probe_interval);
  shard.view = std::make_shared<const core::ShardView>(std::move(view));
}

void Monitor::save(Shard& shard) {
  // After a failure the disk has to take it again, even if that is what it once took.
  if (shard.memory.durable == shard.saved && !shard.save_failed) return;
  const auto saved = state_->save(shard.spec->id, shard.memory.durable);
  if (saved) {
    shard.saved = shard.memory.durable;
  } else if (!shard.save_failed) {
    write_log({Level::error,
               "state not saved",
               {{"shard", shard.spec->id}, {"error", saved.error().message}}});
  }
  shard.save_failed = !saved;
}

base::Result<void> Monitor::set_freeze(const std::optional<std::string>& id,
                                       const std::optional<core::Freeze>& freeze,
                                       const std::string& why) {
  std::string unsaved;
  for (std::size_t index = 0; index < shards_.size(); ++index) {
    Shard& shard = shards_[index];
    if (id && shard.spec->id != *id) continue;
    if (!freeze && !shard.memory.durable.freeze) continue;
    shard.memory.durable.freeze = freeze;
    if (!freeze) shard.memory.freeze_ended = why;
    evaluate_shard(shard, index);
    if (shard.save_failed) unsaved += (unsaved.empty() ? "" : ", ") + shard.spec->id;
  }
  publish();
  if (unsaved.empty()) return {};
  return not_on_disk(unsaved);
}

std::vector<Monitor::Shard>::iterator Monitor::find(const std::string& id) {
  return std::ranges::find_if(shards_, [&](const Shard& shard) { return shard.spec->id == id; });
}

base::Result<void> Monitor::bring_into_force(std::vector<Shard>::iterator shard) {
  evaluate_shard(*shard, static_cast<std::size_t>(shard - shards_.begin()));
  publish();
  if (shard->save_failed) return not_on_disk(shard->spec->id);
  return {};
}

base::Result<serve::Reply> Monitor::waive(const serve::WaiverOrder& order) {
  const auto shard = find(order.shard);
  if (shard == shards_.end()) return serve::Reply{false, kNoSuchShard};
  std::optional<core::Waiver>& waiver = shard->memory.durable.waiver;
  if (!order.waive) {
    if (!waiver) return serve::Reply{false, "there is no waiver to end"};
    waiver.reset();
    std::string& ended = shard->memory.waiver_ended;
    ended = "ended by " + order.by + (order.reason.empty() ? "" : ": " + order.reason);
    const std::string text = "the waiver is " + ended;
    const auto done = bring_into_force(shard);
    return done ? base::Result<serve::Reply>(serve::Reply{true, text}) : done.error();
  }
  waiver = core::waiver_by(order.by, order.reason, order.until);
  if (const auto done = bring_into_force(shard); !done) return done.error();
  // It ends with the first proof, which there may be already.
  if (!waiver) return serve::Reply{false, "a copy is proven: there is nothing to waive"};
  std::string text =
      "the RPO is waived until " + core::render_time(order.until) + " " + waiver->why;
  if (!shard->view->gate.reasons.empty())
    text += "; the gate stays closed: " + shard->view->gate.detail;
  return serve::Reply{true, text};
}

base::Result<serve::Reply> Monitor::lower(const serve::LowerOrder& order) {
  const auto shard = find(order.shard);
  if (shard == shards_.end()) return serve::Reply{false, kNoSuchShard};
  core::ShardMemory& memory = shard->memory;
  const auto& epochs = memory.durable.epochs;
  const std::int64_t before = order.epoch ? epochs.highest.value_or(core::Epoch{}).value
                                          : memory.durable.highest_generation.value_or(0);
  const std::string refusal =
      order.epoch
          ? core::lower_epoch(memory, *shard->spec, shard->observations, core::Epoch{order.to})
          : core::lower_generation(memory, shard->observations, order.to);
  if (!refusal.empty()) return serve::Reply{false, refusal};
  const core::LoweredNumber number{.what = order.epoch ? "epoch" : "generation",
                                   .from = before,
                                   .to = order.to,
                                   .by = order.by,
                                   .reason = order.reason};
  const std::string text = core::render_lowered(number);
  untold_.push_back(
      {.kind = core::EventKind::number_lowered,
       .shard = order.shard,
       .from = std::to_string(before),
       .to = std::to_string(order.to),
       .text = text,
       .details = {{"number", number.what}, {"by", order.by}, {"reason", order.reason}}});
  if (const auto done = bring_into_force(shard); !done) return done.error();
  return serve::Reply{true, text};
}

base::Result<std::string> Monitor::forget_rival(const serve::NodeOrder& order) {
  return carry_out(order, core::EventKind::rival_forgotten, core::render_forgotten(order.word),
                   [&](Shard& shard) {
                     return core::forget_rival(shard.memory.durable.epochs, *shard.spec,
                                               shard.memory.readings, order.word.node);
                   });
}

base::Result<std::string> Monitor::readmit(const serve::NodeOrder& order) {
  return carry_out(order, core::EventKind::node_readmitted, core::render_readmitted(order.word),
                   [&](Shard& shard) {
                     return core::readmit(shard.memory, *shard.spec, order.word.node, clock_.now());
                   });
}

base::Result<std::string> Monitor::carry_out(const serve::NodeOrder& order, core::EventKind kind,
                                             std::string text,
                                             const std::function<std::string(Shard&)>& change) {
  const auto shard = find(order.shard);
  if (shard == shards_.end()) return std::string(kNoSuchShard);
  std::string refusal = change(*shard);
  if (!refusal.empty()) return refusal;
  untold_.push_back({.kind = kind,
                     .shard = order.shard,
                     .node = order.word.node,
                     .text = std::move(text),
                     .details = {{"by", order.word.by}, {"reason", order.word.reason}}});
  if (const auto done = bring_into_force(shard); !done) return done.error();
  return std::string();
}

void Monitor::publish() {
  auto view = std::make_shared<core::View>();
  view->spec = spec_;
  view->published = clock_.now();
  for (const Shard& shard : shards_) view->shards.push_back(shard.view);
  view->lease_page_up = lease_.publish(*view, view->published);
  views_.publish(std::move(view));
  for (const core::Event& event : std::exchange(untold_, {})) sinks_.event(event);
}

// A shard whose nodes all keep silent is judged all the same: time alone closes gates.
void Monitor::arm_timer() {
  timer_.expires_after(
      std::chrono::duration_cast<asio::steady_timer::duration>(spec_->probe.interval / 2));
  timer_.async_wait([this](const std::error_code& error) {
    if (error) return;
    for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
      const auto& view = shards_[shard].view;
      if (!view || clock_.now() - view->evaluated >= spec_->probe.interval / 2)
        dirty_.insert(shard);
    }
    round();
    arm_timer();
  });
}

void Monitor::stop() {
  lease_.close();
  timer_.cancel();
  alive_.reset();
  prober_.reset();
  witness_prober_.reset();
  archive_prober_.reset();
  endpoint_prober_.reset();
}

}  // namespace rpoguard::run
