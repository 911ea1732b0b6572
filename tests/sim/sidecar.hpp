// The model of rpoguard around the core: probes with deadlines over an unreliable network, and the
// calls of evaluate() exactly as the product makes them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "exporter/core/judge/evaluate.hpp"
#include "exporter/core/judge/gate.hpp"

#include "tests/sim/cluster.hpp"

namespace rpoguard::sim {

/// The way from the sidecar to one server and back.
struct ProbeWay {
  bool cut = false;
  bool answers_lost = false;
  int loss_percent = 0;
  Duration delay{};
  Duration jitter{};
  Duration extra_jitter{};
  std::optional<core::ProbeFailure> forced;  ///< the server or its configuration refuses
  unsigned hidden_fields = 0;                ///< bit i: the i-th optional field gives no value
};

class Sidecar {
 public:
  Sidecar(Queue& queue, Random& random, Cluster& cluster, core::ShardSpec spec,
          core::ProbeSpec probe);

  void start();
  /// The whole process stands still; its view is served on. Stopped, its deadlines have passed when
  /// it goes on; suspended with its host, they have not, and answers on the way arrive then.
  /// Nothing new while it stands still already.
  void stall(Duration length, bool suspended);
  /// Killed and started again: only what is on disk is left.
  void restart();
  /// An operator freezes the shard, or ends that: in force when it returns. False: the process
  /// stands still, and nothing happens.
  bool set_freeze(const std::optional<core::Freeze>& freeze);
  /// An operator waives the RPO, or ends the waiver that there is: as set_freeze().
  bool set_waiver(const std::optional<core::Waiver>& waiver);

  /// Called right before a view is replaced, and right after.
  std::function<void()> before_change;
  std::function<void()> after_change;

  /// What a look at the archive shows now, and to let looks fail.
  std::function<core::ArchiveFacts()> list_archive;
  std::function<core::ArchiverFacts(std::size_t)> ask_archiver;
  bool looks_fail = false;

  ProbeWay& way(std::size_t node) { return nodes_[node].way; }
  /// From now on this node's name leads to that server: the connection to the last one is gone.
  void lead(std::size_t node, std::size_t server);
  void set_wall_clock_ahead(Duration ahead) { wall_ahead_ = ahead; }
  /// As its host's clock says.
  core::WallTime wall() const;
  void tell_stamp_times() { tells_stamp_times_ = true; }
  /// rpoguard sql --with-marks was applied.
  void use_marks() { marks_ = true; }
  void keep_histories_secret() { tells_histories_ = false; }
  /// Whose WAL it is that the view's writer writes, as it really is.
  std::uint32_t writer_branch() const { return writer_branch_; }
  /// What an operator says with `rpoguard readmit`.
  void readmit(std::size_t node) {
    core::readmit(memory_, *spec_, spec_->nodes[node].name, queue_.now());
  }
  core::Lineage lineage(std::size_t node) const {
    return view_->nodes[node].lineage.value_or(core::Lineage::follows);
  }
  /// The latest bound of the WAL clock; 0: none.
  core::Lsn bound() const {
    return memory_.source.sample ? memory_.source.sample->bound : core::Lsn{};
  }
  /// When the last answer of this node that carried facts was asked for.
  Instant last_heard(std::size_t node) const { return nodes_[node].heard; }
  /// What the last good look showed, and when it was asked.
  const std::optional<core::ArchiveObservation>& last_look() const { return last_look_; }
  const core::ShardSpec& spec() const { return *spec_; }
  const core::ProbeSpec& probe() const { return probe_; }
  /// Null until the first evaluation after a start.
  const core::ShardView* view() const { return view_ ? &*view_ : nullptr; }
  core::GateDecision ask(bool low_priority = false) const;
  std::optional<std::size_t> writer_index() const;
  /// The highest stamped epoch any answer has ever shown, told apart from the core's own memory.
  core::Epoch highest_shown() const { return highest_shown_; }
  /// Its answers have shown this node accepting writes beside another, on the same epoch, and none
  /// has shown it or the other in recovery since. Also told apart from the core's memory.
  bool shown_as_rival(std::size_t node) const { return nodes_[node].rival; }
  /// The epoch that it showed then; absent: none.
  std::optional<core::Epoch> shown_epoch(std::size_t node) const { return nodes_[node].epoch; }

 private:
  struct Node {
    ProbeWay way;
    std::size_t server = 0;  ///< to which the name leads
    bool connected = false;
    std::uint64_t session = 0;
    std::uint64_t restarts = 0;  ///< the start of the server this connection belongs to
    std::uint64_t attempt = 0;
    bool outstanding = false;
    core::Instant asked;
    core::Instant heard;
    std::optional<core::Instant> accepting_since;  ///< first heard to accept writes
    bool turned_away = false;                      ///< the last attempt was refused
    std::optional<core::Epoch> epoch;              ///< stamped, as it showed last
    bool rival = false;
    std::uint32_t branch_asked = 1;  ///< whose WAL it had when the question was there
    std::uint32_t branch = 1;        ///< of the last answer with facts
  };
  void tick(std::uint64_t run);
  void ask_node(std::size_t node);
  void reach(std::size_t node, std::uint64_t attempt);
  void answer(std::size_t node, std::uint64_t attempt, std::optional<core::NodeFacts> facts,
              core::ProbeFailure failure);
  void deliver(std::size_t node, std::variant<core::NodeFacts, core::ProbeError> outcome);
  void note_rivals(std::size_t node);
  bool accepts_beside(const Node& node, const Node& other) const;
  void evaluate();
  core::NodeFacts facts_of(std::size_t node) const;
  void add_positions(std::size_t server, core::NodeFacts& facts) const;
  void add_rows(std::size_t writer, core::NodeFacts& facts) const;
  bool is_to_be_marked(std::size_t node, const core::NodeFacts& facts) const;
  void mark_run(std::size_t node);
  void look_at_archive(std::uint64_t run);
  Duration one_way(std::size_t node);

  Queue& queue_;
  Random& random_;
  Cluster& cluster_;
  std::shared_ptr<const core::ShardSpec> spec_;
  core::ProbeSpec probe_;
  std::vector<Node> nodes_;
  core::ShardMemory memory_;
  core::ShardObservations observations_;
  std::optional<core::ShardView> view_;
  core::Instant stalled_until_{};
  bool suspended_ = false;
  Duration wall_ahead_{};
  bool tells_histories_ = true;
  bool tells_stamp_times_ = false;
  bool marks_ = false;
  std::optional<core::ArchiveObservation> last_look_;
  std::uint64_t run_ = 0;
  std::uint64_t looks_ = 0;  ///< the run of looks at the archive: one for each start
  std::uint64_t next_session_ = 1;
  core::Epoch highest_shown_{};
  std::uint32_t writer_branch_ = 1;
};

/// Number of optional fields that ProbeWay::hidden_fields can hide.
inline constexpr unsigned kHideableFields = 14;
/// Takes the i-th optional field away.
void hide_field(core::NodeFacts& facts, unsigned field);

}  // namespace rpoguard::sim
