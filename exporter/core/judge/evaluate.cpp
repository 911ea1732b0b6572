#include "exporter/core/judge/evaluate.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "exporter/base/check.hpp"
#include "exporter/core/judge/archive_proof.hpp"
#include "exporter/core/judge/describe.hpp"
#include "exporter/core/judge/endpoint.hpp"
#include "exporter/core/judge/freeze.hpp"
#include "exporter/core/judge/pace.hpp"
#include "exporter/core/judge/proof.hpp"

namespace rpoguard::core {
namespace {

/// What the steps have found that the gate is opened and closed by. Nothing is decided here.
struct Findings {
  const ShardSpec& spec;
  const WriterVerdict& verdict;
  const WitnessReading& epoch_witness;
  const WalSource& source;
  const EndpointVerdict& endpoint;
  const ArchiveView& archive;
  const Proof& proof;
  const Promise& promise;
  const std::optional<WaiverView>& waiver;
  const std::optional<Freeze>& freeze;
  std::optional<double> exposure_growth;
  std::string proof_detail;  ///< why a proof is missing, where there is more to say than usual
};

LeaseInput lease_input(const Findings& found, Instant now) {
  return {.verdict_reason = found.verdict.epochs.reason,
          .verdict_detail = found.verdict.epochs.detail,
          .kept_until = found.promise.kept_until,
          .exposure = exposure_at(found.proof.recovery_point, now),
          .exposure_growth = found.exposure_growth,
          .shed_low_priority_from = shed_low_priority_from(found.spec, found.proof),
          .archive_until = archive_until(found.spec.archive, found.archive),
          .archive_detail = why_archive_age_unknown(found.archive),
          .endpoint_watched = found.endpoint.view.has_value(),
          .endpoint_until = endpoint_until(found.spec.endpoint, found.endpoint),
          .endpoint_detail = endpoint_detail(found.endpoint),
          .proof_detail = found.proof_detail,
          .freeze_detail = found.freeze ? render_freeze(*found.freeze) : "",
          .waived_until = waived_until(found.spec, found.waiver, found.verdict.writer, now),
          .confirmed_until = confirmed_until(found.spec, found.epoch_witness),
          .writer_changed = found.source.changed};
}

// `memory`: as the next evaluation finds it, with all that has been decided.
ShardView view_of(std::shared_ptr<const ShardSpec> spec, const Findings& found,
                  const ShardMemory& memory, GateView gate, std::vector<NodeView> nodes,
                  const ProbeSpec& probe, Instant now) {
  const EpochVerdict& epochs = found.verdict.epochs;
  const auto& writer = found.verdict.writer;
  const WalSource& source = found.source;
  return {.spec = std::move(spec),
          .evaluated = now,
          .nodes = std::move(nodes),
          .writer = writer ? source.writer : std::nullopt,
          .wal_losses = memory.lineage.losses,
          .run = known_run(memory.lineage, memory.durable.lineage),
          .highest_epoch = epochs.highest,
          .epoch_agreement = writer.has_value() && epochs.writers == 1,
          .writers = epochs.writers,
          .writes_usable = !memory.outage.since,
          .stamp_statements = stamp_statements(found.spec, epochs),
          .recovery_point = found.proof.recovery_point,
          .oldest_known_missing = found.proof.oldest_known_missing,
          .last_possible_ack = last_possible_ack(writer, source),
          .exposure_growth = found.exposure_growth,
          .bootstrapped = found.proof.bootstrapped,
          .probe_interval =
              wanted_interval(found.spec, probe, exposure_at(found.proof.recovery_point, now)),
          .archive = found.archive,
          .epoch_witness = found.epoch_witness.view,
          .generation_witness = memory.generation_witness.view,
          .endpoint = found.endpoint.view,
          .synchronous = found.promise.synchronous,
          .gate = std::move(gate),
          .waiver = found.waiver,
          .freeze = found.freeze,
          .freeze_ended = memory.freeze_ended,
          .waiver_ended = memory.waiver_ended,
          .slo = memory.slo.account,
          .write_outage_since = memory.outage.since,
          .last_write_outage = memory.outage.last};
}

struct Witnesses {
  WitnessReading epoch;
  WitnessReading generation;
  std::optional<std::int64_t> highest_generation;
};

Witnesses hear_witnesses(const ShardMemory& memory, const ShardSpec& spec,
                         const ShardObservations& observations, Instant now) {
  const DurableMemory& durable = memory.durable;
  Witnesses heard;
  heard.epoch = hear_witness(memory.epoch_witness, spec.epoch_witness, observations.epoch_witness,
                             least_epoch(spec.epoch_source, durable.epochs.highest), now);
  heard.generation = hear_witness(memory.generation_witness, spec.generation_witness,
                                  observations.generation_witness, durable.highest_generation, now);
  heard.highest_generation = std::max(durable.highest_generation, number_reached(heard.generation));
  return heard;
}

// Why a proof is missing, where there is more to say than usual. `memory`: as the next evaluation
// finds its copies, its source and its promise.
std::string proof_detail(const ShardSpec& spec, const ShardMemory& memory,
                         const LineageVerdict& lineage,
                         const std::optional<ConfirmedWriter>& writer,
                         const ShardObservations& observations) {
  const std::string& problem = memory.promise.synchronous.problem;
  if (!problem.empty()) return problem;
  const SlowFacts* slow = writer ? slow_facts(observations, writer->node) : nullptr;
  return what_is_not_known(spec, memory.copies, lineage.nodes, writer, slow, memory.source);
}

// `memory`: as the last evaluation left it; `next`: with the writer's run and its WAL as of now.
ArchiveProof look_into_archive(ShardMemory& memory, const ShardMemory& next, const ShardSpec& spec,
                               const std::optional<ArchiveObservation>& latest,
                               const std::optional<ConfirmedWriter>& writer, const ProbeSpec& probe,
                               Instant now) {
  memory.archive.foreign_until = memory.durable.archive_foreign_until;
  memory.archive.last_backup = memory.durable.archive_last_backup;
  ArchiveMemory archive =
      meet_run(std::move(memory.archive), next.lineage.run, next.durable.lineage.run);
  archive = meet_rivals(std::move(archive), spec, next.readings, next.lineage.run,
                        next.durable.lineage.run);
  return prove_archive(std::move(archive), spec, latest, writer, next.source, probe, now);
}

// What opens and closes the gate whatever is proven, and how it ends by itself. `memory`: as the
// last evaluation left it.
void follow_orders(ShardMemory& memory, ShardMemory& next, const ShardSpec& spec,
                   const std::optional<ConfirmedWriter>& writer, bool proven, WallTime wall) {
  DurableMemory& durable = memory.durable;
  next.durable.waiver = follow_waiver(durable.waiver, spec, writer, proven, wall);
  next.waiver_ended = how_waiver_ended(durable.waiver, next.durable.waiver, wall);
  if (next.waiver_ended.empty()) next.waiver_ended = std::move(memory.waiver_ended);
  FreezeState freeze = expire_freeze(
      {.freeze = std::move(durable.freeze), .ended = std::move(memory.freeze_ended)}, wall);
  next.durable.freeze = std::move(freeze.freeze);
  next.freeze_ended = std::move(freeze.ended);
}

bool is_open(const GateView& gate, Instant now) {
  return gate.reasons.empty() && now < gate.open_until;
}

}  // namespace

Evaluation evaluate(std::shared_ptr<const ShardSpec> spec, ShardMemory memory,
                    const ShardObservations& observations, const ProbeSpec& probe, Instant now,
                    WallTime wall) {
  RPOGUARD_CHECK(observations.nodes.size() == spec->nodes.size());
  const ShardSpec& shard = *spec;
  DurableMemory& durable = memory.durable;
  ShardMemory next;
  next.durable.addresses = std::move(durable.addresses);

  // Who is the writer, and do clients reach it?
  next.readings = take_observations(std::move(memory.readings), observations.nodes, probe, now);
  next.servers = tell_servers_apart(std::move(memory.servers), shard, next.readings);
  Witnesses witnesses = hear_witnesses(memory, shard, observations, now);
  next.epoch_witness = std::move(witnesses.epoch);
  next.generation_witness = std::move(witnesses.generation);
  next.durable.highest_generation = witnesses.highest_generation;
  const WriterVerdict verdict = judge_writer(std::move(durable.epochs), shard, next.readings,
                                             next.servers, next.epoch_witness, now);
  const auto& writer = verdict.writer;
  next.durable.epochs = verdict.record;
  LineageVerdict lineage = follow_lineage(std::move(memory.lineage), std::move(durable.lineage),
                                          shard, next.readings, next.servers, writer, probe);
  next.lineage = std::move(lineage.memory);
  next.durable.lineage = std::move(lineage.record);
  next.source = follow_writer(std::move(memory.source), writer, has_lost_wal(next.lineage));
  const EndpointVerdict endpoint = judge_endpoint(memory.endpoint_good, shard.endpoint,
                                                  observations.endpoint, writer, next.source);
  next.endpoint_good = endpoint.last_good;

  // What do the copies and the archive have, and what does that prove?
  next.copies = locate_copies(std::move(memory.copies), shard, next.readings, next.servers, verdict,
                              lineage.nodes, next.source);
  ArchiveProof archive =
      look_into_archive(memory, next, shard, observations.archive, writer, probe, now);
  next.archive = std::move(archive.memory);
  next.durable.archive_foreign_until = next.archive.foreign_until;
  next.durable.archive_last_backup = next.archive.last_backup;
  const Proof proof = prove(shard, next.copies, archive.view, writer, next.source);
  next.promise =
      keep_promise(std::move(memory.promise), shard, proof, next.copies, writer, next.source);
  next.slo = account(
      std::move(memory.slo),
      {.at = now, .kept_until = next.promise.kept_until, .recovery_point = proof.recovery_point},
      next.source.changed, probe.interval);

  // May writes go in?
  const bool proven = proven_for_this_writer(shard, proof, next.promise, next.source, now);
  follow_orders(memory, next, shard, writer, proven, wall);
  const auto waiver = waiver_view(next.durable.waiver, now, wall);
  const Findings found{.spec = shard,
                       .verdict = verdict,
                       .epoch_witness = next.epoch_witness,
                       .source = next.source,
                       .endpoint = endpoint,
                       .archive = archive.view,
                       .proof = proof,
                       .promise = next.promise,
                       .waiver = waiver,
                       .freeze = next.durable.freeze,
                       .exposure_growth = exposure_growth(next.slo, now, probe.interval),
                       .proof_detail = proof_detail(shard, next, lineage, writer, observations)};
  RenewedLease lease = renew_lease(std::move(memory.lease), shard, lease_input(found, now), now);
  next.lease = std::move(lease.memory);
  next.outage = follow_outage(memory.outage, writer && is_open(lease.gate, now), now);

  auto nodes = describe_nodes(shard, observations, next.readings, next.servers, next.copies,
                              verdict, lineage, next.source);
  ShardView view =
      view_of(std::move(spec), found, next, std::move(lease.gate), std::move(nodes), probe, now);
  return {.view = std::move(view), .memory = std::move(next)};
}

}  // namespace rpoguard::core
