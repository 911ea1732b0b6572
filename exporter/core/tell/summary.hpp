// What stands first about a shard, in words: its gate, its writes and writer, its exposure, how its
// nodes are and how old all that is. The status page and the table of `rpoguard status` show the
// same words in the same tone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/core/judge/gate.hpp"
#include "exporter/core/model/view.hpp"
#include "exporter/core/tell/remark.hpp"

namespace rpoguard::core {

/// What the gate tells a caller who states nothing, by names: whoever reads it back from JSON may
/// find a reason there that it does not know.
struct GateWords {
  std::string mode;
  bool open = false;
  std::string reason{};  ///< why it refuses, or would; empty: it does not
  bool waived = false;
};
GateWords gate_words(const ShardSpec& spec, const GateDecision& decision);
/// "closed: rpo_exceeded", or "open (mode shadow)", "RPO waived", "mode enforce would refuse: ...".
/// The first says whether it is open.
std::vector<Remark> remarks_on(const GateWords& words);

/// One sentence on the decision; may be empty while nothing is refused. What the last evaluation
/// said holds only for the reason that it gave: the lease may have run out since. `shard` may be
/// null.
std::string detail_of(const ShardView* shard, const GateDecision& decision);

/// "usable"
Remark remark_on_writes(bool usable);
/// "iad-a in iad"; "none confirmed"
Remark remark_on_writer(const std::optional<WriterView>& writer);
/// "1.0 s"; "unknown". Somebody should look at it from half of the RPO on, as the alert
/// RPOGuardExposureHigh says. An RPO of 0 is judged by other proof.
Remark remark_on_exposure(Duration rpo, std::optional<Duration> exposure);
/// Of a whole view: "published 0.3 s ago".
Remark remark_on_age(Duration age, bool stale);

/// `up`: the last look at it gave facts.
Tone tone_of(NodeState state, bool up);
/// How the copy gets its WAL: "streaming, sync", "not streaming", "unknown"; empty for a node that
/// is none, or holds another cluster's data.
std::string render_link(const NodeView& node);

}  // namespace rpoguard::core
