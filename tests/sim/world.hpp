// One simulated deployment: a shard, its clients, its sidecar, its bad days, and the judge who
// knows the truth. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/archive.hpp"
#include "tests/sim/cluster.hpp"
#include "tests/sim/sidecar.hpp"

namespace rpoguard::sim {

/// What kind of worlds to draw.
struct Profile {
  bool synchronous = false;      ///< RPO 0
  bool failovers = false;        ///< regions are lost and copies promoted
  bool timeline_epochs = false;  ///< no cluster_state table
  bool mostly_idle = false;
  bool archive = false;    ///< WAL is archived, and judged
  bool histories = false;  ///< writers lose WAL, two are promoted to one timeline, xids are reused
  Duration length = std::chrono::minutes(12);
};

/// What a run has seen, to show that the worlds were not trivially quiet.
struct Tally {
  Duration simulated{};
  std::uint64_t evaluations = 0;
  std::uint64_t proofs_checked = 0;
  std::uint64_t open_checked = 0;
  std::uint64_t closed_seen = 0;
  std::uint64_t rivals_checked =
      0;  ///< a rival out of sight accepted writes, and nobody was let in
  std::uint64_t waived_seen = 0;
  std::uint64_t waived_by_order = 0;  ///< of these: by an operator
  std::uint64_t quiet_checked = 0;
  std::uint64_t commits_let_in = 0;
  std::uint64_t faults = 0;
  std::uint64_t promotions = 0;
  std::uint64_t lossy_promotions = 0;
  std::uint64_t restores = 0;
  Duration longest_loss{};
  std::uint64_t bootstrapped = 0;
  std::uint64_t archive_checked = 0;
  std::uint64_t frontiers_checked = 0;
  std::uint64_t freezes = 0;     ///< while some client held a yes
  std::uint64_t readmitted = 0;  ///< copies, by a mark
  std::uint64_t losses = 0;      ///< of WAL by its writer
  std::uint64_t losses_told = 0;
};

struct Replay {
  bool traced = false;
  /// Only these faults happen, by number; absent: all. The others keep their times and kinds.
  std::optional<std::set<std::size_t>> faults{};
};

class World {
 public:
  World(std::uint64_t seed, const Profile& profile, Replay replay = {});
  World(const World&) = delete;  // events point here
  World& operator=(const World&) = delete;

  /// One more invariant, judged with each view; what broke, or nullopt.
  std::function<std::optional<std::string>(const core::ShardView&)> also_judge;

  /// Runs to the end or to the first broken invariant. What broke, or nullopt.
  std::optional<std::string> run();
  const Tally& tally() const { return tally_; }
  /// How many faults were drawn, whether they happened or not.
  std::size_t faults_drawn() const { return faults_drawn_; }
  std::string trace() const { return queue_.trace_text(); }

 private:
  // world.cpp: the deployment and its clients
  static core::ShardSpec draw_spec(Random& random, const Profile& profile);
  static core::ProbeSpec draw_probe(Random& random, const core::ShardSpec& spec);
  static void draw_nodes(Random& random, const Profile& profile, core::ShardSpec& spec);
  static void draw_archive(Random& random, core::ShardSpec& spec);
  static Duration draw_max_lease(std::uint64_t seed);
  void build_servers();
  void place_sidecar();
  void begin_archiving();
  std::string synchronous_target() const;
  void require_synchronous_copy();
  void schedule_load();
  void client_writes();

  // faults.cpp: what goes wrong, and for how long
  void schedule_faults();
  void one_fault(std::size_t number);
  void stranger_fault(std::size_t copy, Duration length);
  void archive_fault(Duration length);
  void archive_trouble(ArchiveTrouble trouble, const std::string& what, Duration length);
  void clock_fault();
  void link_fault(Duration length);
  void server_fault(Duration length);
  void probe_fault(Duration length);
  void misnamed_fault(Duration length);
  void sidecar_fault(Duration length);
  void freeze_fault(Duration length);
  void unfreeze();
  void synchronous_fault(Duration length);
  void history_fault(Duration length);
  void remember_flushed();
  std::uint64_t flushed_long_ago() const;
  void during(Duration length, const std::string& what, const std::function<void()>& begin,
              const std::function<void()>& end);

  // failover.cpp: regions lost, copies promoted, stamped and rebuilt
  /// Drawn at once: what happens meanwhile does not change the plan.
  struct Failover {
    std::size_t lost = 0;
    bool region_lost = false;
    bool links_first = false;
    bool dead = false;
    bool others_follow = false;
    bool names_kept = false;
    bool two_promoted = false;
    bool second_unseen = false;  ///< rpoguard never sees the other of the two
    /// The copies are led to the right one of the two, and the other is stopped.
    std::optional<Duration> led_back_after{};
    Duration loss_after{};
    Duration promotion_after{};
    Duration away{};
    Duration repair_after{};
    enum class Stamp { at_once, late, never, twice, for_the_lost_region } stamp{};
    Duration stamp_after{};
    /// When both are there again, the way to one of them refuses until the clean-up.
    std::optional<bool> refuses_lost{};
    Duration refuses_after{};
  };
  void fail_over();
  Failover plan_failover();
  void lose(const Failover& plan);
  void refuse(const Failover& plan);
  std::optional<std::size_t> best_copy(const Failover& plan) const;
  void take_over(const Failover& plan);
  std::size_t promote_as_well(const Failover& plan, std::size_t second);
  void lead_back(const Failover& plan, std::size_t second);
  void stamp_as(const Failover& plan);
  void repair();
  void readmit_copies(int times);
  void set_region_cut(const std::string& region, bool cut);
  std::size_t random_copy();
  std::size_t random_node() { return chance_.below(cluster_.servers().size()); }

  // marks.cpp: the writer and rpoguard are started again together
  bool restarts_both(std::size_t fault, Duration length);
  void count_readmitted();

  // stamps.cpp: stamps where none was due
  bool owns_its_stamp(std::size_t node) const;
  void stamp_once_more(std::size_t fault);
  bool restores_instead(std::size_t fault);

  // waivers.cpp: operators who waive the RPO
  void waive_meanwhile(std::size_t fault);
  void unwaive(const std::string& why);
  void judge_order();

  // losses.cpp: writers that lose WAL while something else is wrong, and copies that write
  /// Drawn at once, like a failover.
  struct Loss {
    std::size_t writer = 0;
    std::size_t copy = 0;
    bool copy_behind = false;     ///< it gets nothing from before the loss on
    bool copy_unseen = false;     ///< rpoguard sees it neither before nor during the loss
    bool copy_restarted = false;  ///< with the writer
    bool writer_unseen = false;   ///< for a while after its start
    bool rewound = false;         ///< its virtual machine goes on from a snapshot
    bool unconfirmed = false;     ///< by then: somebody has stamped it for another region
    bool sidecar_too = false;
    Duration clock_behind{};  ///< while it starts
    Duration lead{};          ///< from the begin to the loss
    Duration away{};
    Duration settles{};  ///< from the start to the end of all that is wrong
  };
  bool other_history(std::size_t fault);
  std::size_t other_than_primary(Random& chance) const;
  void lose_in_stages(Random& chance);
  void lose_now(const Loss& plan);
  void start_after(const Loss& plan);
  void open_a_copy(Random& chance);
  void copy_ahead_takes_over(Random& chance);
  void take_over_ahead(std::size_t lost);
  bool lose_archived(std::size_t fault);
  void outgrow(std::uint64_t had);
  bool names_writer_twice(std::size_t fault, Duration length);
  void write_unasked(std::size_t node, Instant until);
  bool all_are_heard() const;

  // judge.cpp: the invariants
  void judge_view();
  void judge_now();
  void judge_yes(const core::GateDecision& decision);
  void judge_freeze();
  void judge_stamp();
  void judge_takeover();
  void judge_rivals();
  void judge_number();
  bool repeats_a_number(const Stamp& stamp) const;
  void judge_waiver();
  void judge_losses();
  void judge_account();
  void judge_archive();
  void judge_quiet();
  void judge_loss(std::size_t lost_writer, std::size_t promoted);
  bool protected_until(Instant t) const;
  bool archive_holds(std::uint64_t lsn) const;
  bool is_target(std::size_t node) const;
  Duration promise() const;
  void fail(const std::string& what);

  std::uint64_t seed_;
  // Each has its own chance, so that a fault that is left out changes as little else as possible.
  Random random_;    ///< of the deployment and its clients
  Random load_;      ///< of the phases of the load
  Random servers_;   ///< of the servers and what is between them
  Random probes_;    ///< of the sidecar's questions and answers
  Random schedule_;  ///< of the times of faults
  Random chance_;    ///< of the fault that begins now
  std::optional<std::set<std::size_t>> only_;
  std::size_t faults_drawn_ = 0;
  Queue queue_;
  Profile profile_;
  Cluster cluster_;
  Sidecar sidecar_;
  Archive archive_;
  struct Listed {
    Instant at;
    Archive::Contents contents;
  };
  Listed listed_;            ///< what the last look saw
  Listed listed_before_;     ///< and the one before: its answer may be the last that came
  std::size_t primary_ = 0;  ///< the writer in the operators' view
  Duration think_time_{};    ///< mean time between client writes; 0: none
  bool obedient_ = true;     ///< clients ask the gate
  bool marks_ = false;       ///< runs of the writer are marked
  int faults_active_ = 0;
  bool failing_over_ = false;
  std::optional<std::size_t> unseen_;  ///< this node's way is cut until the clean-up
  bool misnamed_ = false;              ///< a copy's name leads to another server
  std::optional<Instant> quiet_since_{Instant{}};
  Instant ends_{};
  Instant began_{};
  Instant restart_allowed_{};  ///< commit times of a clock that was set back mislead until then
  struct Flushed {
    Instant at;
    std::uint32_t timeline;
    std::uint64_t lsn;
  };
  Instant alone_until_{};        ///< the fault that goes on now is alone until then
  std::deque<Flushed> flushed_;  ///< of the writer in the last minute
  Instant unflushed_{};          ///< the bound of the WAL clock was last beyond what is flushed
  Instant unseen_change_{};      ///< when the settings last changed for a moment only
  std::map<std::int64_t, Position>
      confirmed_stamps_;  ///< by epoch: the one that it was confirmed on
  /// The last confirmed writer, and the waiver of the view before.
  std::optional<core::WriterView> confirmed_;
  std::string waived_why_;
  /// What an operator has waived, until it has ended: as the sidecar's clock says, and why.
  std::optional<core::Waiver> waiver_ordered_;
  std::uint64_t losses_shown_ = 0;  ///< of the view before
  Instant yes_until_{};             ///< the end of the longest yes that any client has got
  bool frozen_ = false;
  std::optional<std::string> failure_;
  Tally tally_;
};

}  // namespace rpoguard::sim
