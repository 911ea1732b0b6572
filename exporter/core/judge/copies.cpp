#include "exporter/core/judge/copies.hpp"

#include <algorithm>

#include "exporter/base/check.hpp"
#include "exporter/core/judge/row_names.hpp"

namespace rpoguard::core {
namespace {

// Another's WAL: who connects to that one under a copy's name has yet to be seen, and so has a
// commit of its own.
void forget_last_writer(Copy& copy) {
  copy.row_trusted = false;
  copy.bootstrap = {};
}

void take_own_word(Copy& copy, const Reading& reading, const WalSource& source) {
  if (!reading.answered || !source.origin) return;
  copy.position = own_position(reading.facts(), source.origin->system_identifier);
  copy.has_target = reading.facts().has_target;
  copy.position_as_of = reading.last_success->asked;
}

// Asked later, the copy must have at least what the writer was told, and on the same timeline. If
// it has less, the row is another's.
void compare_with_row(Copy& copy, const DurablePosition& reported) {
  const auto& own = copy.position;
  copy.row_trusted = own && own->timeline == reported.timeline && own->flushed >= reported.flushed;
  if (own) {
    copy.disagreement_bytes =
        std::max<std::int64_t>(0, bytes_between(own->flushed, reported.flushed));
  }
}

bool is_news(const DurablePosition& reported, const Copy& copy) {
  return !copy.position || copy.position->timeline != reported.timeline ||
         reported.flushed > copy.position->flushed;
}

// A row that stands still may be a dead connection's last word: only one that moves on says
// something new. It may have moved right after the look before, and the copy be gone since.
void take_row(Copy& copy, const DurablePosition& reported) {
  if (!copy.row_trusted || !is_news(reported, copy)) return;
  copy.position = reported;
  copy.position_as_of = std::max(copy.position_as_of, copy.row_unmoved_at.value_or(Instant{}));
}

void locate_by_row(Copy& copy, const Reading& reading, const ReplicationRow* row,
                   const ConfirmedWriter& writer, const WalSource& source) {
  auto reported = row == nullptr ? std::nullopt : reported_position(*row, source.place());
  // What it receives beyond its recovery target is thrown away by a promotion.
  if (reported && copy.has_target) reported->flushed = reported->replayed.value_or(Lsn{});
  // The next row under that name may be a stranger's, and so may the next connection's.
  if (!reported || row->pid != copy.row_pid) copy.row_trusted = false;
  copy.row_pid = row == nullptr ? std::nullopt : row->pid;
  if (!reported || !reading.current) copy.disagreement_bytes.reset();
  if (!reported) return;
  if (!reading.current) {
    take_row(copy, *reported);
  } else if (reading.last_success->asked >= writer.answered()) {
    compare_with_row(copy, *reported);
  }
  if (!is_news(*reported, copy)) copy.row_unmoved_at = writer.asked();
}

// What the commits that the copy has replayed prove.
void follow_commits(Copy& copy, const Reading& reading, bool writer_known,
                    const WalSource& source) {
  if (!reading.answered) return;
  const auto writer = writer_known ? std::optional(source.place()) : std::nullopt;
  const NodeFacts& facts = reading.facts();
  const bool follows = facts.in_recovery && copy.position && facts.replay_lsn &&
                       (!writer || shared_up_to(*copy.position, *writer, *facts.replay_lsn));
  if (follows) {
    follow_commit(copy.bootstrap, facts, writer ? &*writer : nullptr);
  } else {
    copy.bootstrap = {};
  }
}

// May it count by what the configuration says of it?
bool is_eligible(const ShardSpec& spec, const NodeSpec& node, const std::string& writer_region) {
  return node.durability_target && node.region != writer_region &&
         region_allowed(spec, node.region);
}

// What the configuration says of one of its names holds for the server, and of the name of a node
// that never answered if the server announces itself by it.
bool may_count(const ShardSpec& spec, std::size_t node, const Servers& servers,
               const std::string& writer_region) {
  for (std::size_t other = 0; other < spec.nodes.size(); ++other) {
    const bool leads_here = servers.are_one(spec.nodes[other], spec.nodes[node]) ||
                            servers.goes_by_name_of(spec, node, other);
    if (leads_here && !is_eligible(spec, spec.nodes[other], writer_region)) return false;
  }
  return true;
}

bool all_asked(const ShardSpec& spec, const Readings& readings, const std::string& writer_region) {
  for (std::size_t node = 0; node < readings.size(); ++node) {
    const bool asked = readings[node].last_success || readings[node].failing_since;
    if (!asked && !is_eligible(spec, spec.nodes[node], writer_region)) return false;
  }
  return true;
}

// A server holds one history, under whichever of its names that was found out.
bool is_sound_server(const ShardSpec& spec, const Copies& copies, std::size_t node,
                     const Servers& servers) {
  for (std::size_t other = 0; other < copies.size(); ++other) {
    if (!is_sound(copies[other].lineage) && servers.are_one(spec.nodes[other], spec.nodes[node]))
      return false;
  }
  return true;
}

// Of the names of one server, the first that answers counts; if none does, the first.
bool goes_before(std::size_t a, std::size_t b, const std::vector<NodeState>& states) {
  const bool a_answers = states[a] == NodeState::standby;
  const bool b_answers = states[b] == NodeState::standby;
  return a_answers == b_answers ? a < b : a_answers;
}

void count_servers(Copies& copies, const ShardSpec& spec, const std::vector<NodeState>& states,
                   const Servers& servers, const std::string& writer_region) {
  std::vector<std::size_t> able;
  for (std::size_t node = 0; node < copies.size(); ++node) {
    const bool is_copy =
        states[node] == NodeState::standby || states[node] == NodeState::unreachable;
    if (is_copy && is_sound_server(spec, copies, node, servers) &&
        may_count(spec, node, servers, writer_region))
      able.push_back(node);
  }
  for (Copy& copy : copies) copy.counted = false;
  for (const std::size_t node : able) {
    copies[node].counted = std::ranges::none_of(able, [&](std::size_t other) {
      return goes_before(other, node, states) &&
             servers.are_one(spec.nodes[other], spec.nodes[node]);
    });
  }
}

std::optional<Instant> bootstrap_until(const Copy& copy, const WalSource& source) {
  if (!copy.bootstrap.by_writer) return std::nullopt;
  return source.server_clock.when(*copy.bootstrap.by_writer);
}

}  // namespace

Copies locate_copies(Copies copies, const ShardSpec& spec, const Readings& readings,
                     const Servers& servers, const WriterVerdict& verdict,
                     const std::vector<NodeLineage>& lineages, const WalSource& source) {
  RPOGUARD_CHECK(readings.size() == spec.nodes.size() && lineages.size() == readings.size());
  copies.resize(readings.size());
  const auto& writer = verdict.writer;
  // Who may not count is not known before the writer is.
  const bool asked = writer && all_asked(spec, readings, writer_region(spec, source));
  std::vector<std::string> names = row_names(spec, servers);
  for (std::size_t node = 0; node < copies.size(); ++node) {
    Copy& copy = copies[node];
    const Reading& reading = readings[node];
    copy.row_name = std::move(names[node]);
    copy.told_apart = copy.told_apart || asked;
    if (source.changed) forget_last_writer(copy);
    take_own_word(copy, reading, source);
    if (!writer) {
      copy.row_trusted = false;  // who connects meanwhile under that name is not seen
      copy.disagreement_bytes.reset();
    } else if (node != writer->node) {
      const auto* row = row_of(writer->facts(), copy.row_name);
      locate_by_row(copy, reading, row, *writer, source);
    }
    follow_commits(copy, reading, writer.has_value(), source);
    copy.lineage = lineages[node].state;
  }
  count_servers(copies, spec, verdict.epochs.states, servers, writer_region(spec, source));
  return copies;
}

std::optional<CopyProof> proof_of(const Copy& copy, Durability durability,
                                  const WalSource& source) {
  const auto position = copy.position ? durable_part(*copy.position, durability) : std::nullopt;
  if (!copy.told_apart || !is_sound(copy.lineage) || !position || !source.origin ||
      !shared_up_to(*copy.position, source.place(), *position))
    return std::nullopt;
  auto until = source.clock.proven_until(*position);
  const bool bootstrapped = !until;
  if (bootstrapped) until = bootstrap_until(copy, source);
  if (!until) return std::nullopt;
  // An idle writer's bound stands still while its clock goes on: an old reading must not go on with
  // it.
  return CopyProof{.position = *position,
                   .proven_until = std::min(*until, copy.position_as_of),
                   .bootstrapped = bootstrapped};
}

}  // namespace rpoguard::core
