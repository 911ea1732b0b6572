// Joins the parts on the loop: observations in, evaluate(), state kept, view out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "exporter/core/judge/evaluate.hpp"
#include "exporter/core/tell/event.hpp"
#include "exporter/observe/archive/archive_prober.hpp"
#include "exporter/observe/outside/endpoint_prober.hpp"
#include "exporter/observe/outside/witness_prober.hpp"
#include "exporter/observe/postgres/prober.hpp"
#include "exporter/run/lease_keeper.hpp"
#include "exporter/run/state_store.hpp"
#include "exporter/serve/ops/control.hpp"
#include "exporter/serve/view_store.hpp"

namespace rpoguard::run {

/// Who is told what, on the loop: after the view that shows it has been published, so that whoever
/// acts on what he is told finds it so.
struct MonitorSinks {
  std::function<void(const core::Event&)> event = [](const core::Event&) {};
  std::function<void(const core::ShardView&)> view = [](const core::ShardView&) {};
};

/// Lives on the loop thread; only the ViewStore is shared. Order of calls: start() apply()* stop()
class Monitor {
 public:
  Monitor(asio::io_context& loop, const core::Clock& clock, serve::ViewStore& views,
          MonitorSinks sinks = {});
  ~Monitor();

  /// Loads every shard's memory from state_dir and starts probing; an error leaves nothing started.
  base::Result<void> start(std::shared_ptr<const core::Spec> spec);

  /// Goes over to a new configuration: connections are made anew, what is known about a shard is
  /// kept by its id.
  base::Result<void> apply(std::shared_ptr<const core::Spec> spec);

  /// Freezes (or, with `freeze` absent, unfreezes) one shard, or all of them where `shard` is
  /// absent; in force and published when this returns. `why` says how a freeze ended. An error: in
  /// force, but not on disk.
  base::Result<void> set_freeze(const std::optional<std::string>& shard,
                                const std::optional<core::Freeze>& freeze, const std::string& why);

  /// Grants or ends a waiver, which is in force and published when this returns. An error: in
  /// force, but not on disk.
  base::Result<serve::Reply> waive(const serve::WaiverOrder& order);

  /// Lowers a number that is remembered for ever. An error: in force, but not on disk.
  base::Result<serve::Reply> lower(const serve::LowerOrder& order);

  /// Strikes a rival of a split brain off; in force and published when this returns. The text says
  /// why it is not done; empty: done. An error: in force, but not on disk.
  base::Result<std::string> forget_rival(const serve::NodeOrder& order);
  base::Result<std::string> readmit(const serve::NodeOrder& order);

  /// Also closes the lease page.
  void stop();
  const core::Spec& spec() const { return *spec_; }

 private:
  struct Shard;
  /// What an operator says of a node. `change` says why it is refused; empty: it is done.
  base::Result<std::string> carry_out(const serve::NodeOrder& order, core::EventKind kind,
                                      std::string text,
                                      const std::function<std::string(Shard&)>& change);

  struct Shard {
    std::shared_ptr<const core::ShardSpec> spec;
    core::ShardMemory memory;
    core::ShardObservations observations;
    std::shared_ptr<const core::ShardView> view;
    core::DurableMemory saved;
    bool save_failed = false;
  };

  std::vector<Shard>::iterator find(const std::string& id);
  /// Judges the shard anew, publishes, and says whether that is on disk.
  base::Result<void> bring_into_force(std::vector<Shard>::iterator shard);
  base::Result<Shard> make_shard(const core::ShardSpec& spec);
  void probe();
  void probe_witnesses();
  void probe_archives();
  void probe_endpoints();
  void wake(std::size_t shard);
  void round();
  void evaluate_shard(Shard& shard, std::size_t index);
  void save(Shard& shard);
  void publish();
  void arm_timer();

  asio::io_context& loop_;
  const core::Clock& clock_;
  serve::ViewStore& views_;
  const MonitorSinks sinks_;
  asio::steady_timer timer_;
  std::shared_ptr<const core::Spec> spec_;
  std::unique_ptr<StateStore> state_;
  LeaseKeeper lease_;
  std::vector<Shard> shards_;
  std::set<std::size_t> dirty_;
  bool round_posted_ = false;
  std::vector<core::Event> untold_;  // until the next publication
  std::unique_ptr<observe::Prober> prober_;
  std::unique_ptr<observe::WitnessProber> witness_prober_;
  std::unique_ptr<observe::ArchiveProber> archive_prober_;
  std::unique_ptr<observe::EndpointProber> endpoint_prober_;
  std::shared_ptr<bool> alive_;  // posted rounds check it: they may outlive stop()
};

}  // namespace rpoguard::run
