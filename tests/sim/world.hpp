// One simulated deployment: a shard, its clients, its sidecar, its bad days, and the judge who
// knows the truth. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/cluster.hpp"
#include "tests/sim/sidecar.hpp"

namespace rpoguard::sim {

/// What kind of worlds to draw.
struct Profile {
  bool synchronous = false;      ///< RPO 0
  bool failovers = false;        ///< regions are lost and copies promoted
  bool timeline_epochs = false;  ///< no cluster_state table
  bool mostly_idle = false;
  Duration length = std::chrono::minutes(12);
};

/// What a run has seen, to show that the worlds were not trivially quiet.
struct Tally {
  Duration simulated{};
  std::uint64_t evaluations = 0;
  std::uint64_t proofs_checked = 0;
  std::uint64_t open_checked = 0;
  std::uint64_t closed_seen = 0;
  std::uint64_t waived_seen = 0;
  std::uint64_t quiet_checked = 0;
  std::uint64_t commits_let_in = 0;
  std::uint64_t faults = 0;
  std::uint64_t promotions = 0;
  std::uint64_t lossy_promotions = 0;
  Duration longest_loss{};
};

class World {
 public:
  World(std::uint64_t seed, const Profile& profile, bool traced);

  /// Runs to the end or to the first broken invariant. What broke, or nullopt.
  std::optional<std::string> run();
  const Tally& tally() const { return tally_; }
  std::string trace() const { return queue_.trace_text(); }

 private:
  // world.cpp: the deployment and its clients
  static core::ShardSpec draw_spec(Random& random, const Profile& profile);
  static core::ProbeSpec draw_probe(Random& random, const core::ShardSpec& spec);
  void schedule_load();
  void client_writes();

  // faults.cpp: what goes wrong, and for how long
  void schedule_faults();
  void one_fault();
  void link_fault(Duration length);
  void server_fault(Duration length);
  void probe_fault(Duration length);
  void sidecar_fault(Duration length);
  void synchronous_fault(Duration length);
  void during(Duration length, const std::string& what, const std::function<void()>& begin,
              const std::function<void()>& end);
  void fail_over(bool region_lost);
  void lose(std::size_t lost, bool region_lost);
  void take_over(std::size_t lost_writer, bool region_lost);
  void repair_after(Duration delay);
  void set_region_cut(const std::string& region, bool cut);
  std::size_t random_copy();
  std::size_t random_node() { return random_.below(cluster_.servers().size()); }

  // judge.cpp: the invariants
  void judge_view();
  void judge_now();
  void judge_stamp();
  void judge_quiet();
  void judge_loss(std::size_t lost_writer, std::size_t promoted);
  bool protected_until(Instant t) const;
  bool is_target(std::size_t node) const;
  Duration promise() const;
  void fail(const std::string& what);

  Random random_;
  Queue queue_;
  Profile profile_;
  Cluster cluster_;
  Sidecar sidecar_;
  std::size_t primary_ = 0;  ///< the writer in the operators' view
  Duration think_time_{};    ///< mean time between client writes; 0: none
  bool obedient_ = true;     ///< clients ask the gate
  int faults_active_ = 0;
  bool failing_over_ = false;
  std::optional<Instant> quiet_since_{Instant{}};
  Instant ends_{};
  Instant unseen_change_{};  ///< when the settings last changed for a moment only
  std::optional<std::string> failure_;
  Tally tally_;
};

}  // namespace rpoguard::sim
