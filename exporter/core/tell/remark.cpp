#include "exporter/core/tell/remark.hpp"

#include <algorithm>
#include <iterator>

#include "exporter/base/human.hpp"

namespace rpoguard::core {
namespace {

using base::render_bytes;
using base::render_short;
using Remarks = std::vector<Remark>;

constexpr const char* kArchiveSubject = "WAL archive";
// What the writer lost is no news for longer than this; what it means for a copy stays with that.
constexpr Duration kLossRemarkedFor = std::chrono::hours(1);

std::string failure_text(const ProbeError& failure) {
  return std::string(name_of(failure.reason)) + ": " + failure.message;
}

std::string and_failure(const std::optional<ProbeError>& failure) {
  return failure ? ", " + failure_text(*failure) : "";
}

std::string milliseconds_text(Duration duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
  return std::to_string(whole.count()) + " ms";
}

std::string segments(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " segment" : " segments");
}

Remarks on_exposure(const ShardView& shard, Instant now) {
  Remarks remarks;
  const auto left = time_to_exhaustion_at(shard, now);
  if (left && *left > Duration{0}) {
    remarks.push_back({.subject = kExposureSubject,
                       .tone = Tone::unsure,
                       .text = "growing",
                       .more = ", at this pace the budget is used up in " + render_short(*left)});
  }
  if (shard.bootstrapped) {
    remarks.push_back({.subject = kExposureSubject,
                       .tone = Tone::unsure,
                       .text = "estimated by commit times",
                       .more = ": just started"});
  }
  return remarks;
}

Remarks on_promise(const ShardView& shard, Instant) {
  if (!shard.synchronous.promised || shard.synchronous.problem.empty()) return {};
  return {{.subject = "Synchronous durability",
           .tone = Tone::bad,
           .text = is_downgraded(shard) ? "downgraded" : "not proven",
           .more = ": " + shard.synchronous.problem}};
}

Remark where_it_leads(const EndpointView& endpoint) {
  constexpr const char* kSubject = "Writer endpoint";
  if (!endpoint.on_writer)
    return {.subject = kSubject,
            .tone = Tone::unsure,
            .text = "not known whether it leads to the writer"};
  if (*endpoint.on_writer)
    return {.subject = kSubject, .tone = Tone::good, .text = "leads to the writer"};
  return {.subject = kSubject, .tone = Tone::bad, .text = "does not lead to the writer"};
}

Remarks on_endpoint(const ShardView& shard, Instant now) {
  if (!shard.endpoint) return {};
  const EndpointView& endpoint = *shard.endpoint;
  Remark remark = where_it_leads(endpoint);
  if (endpoint.commit_took)
    remark.more += ", a commit took " + milliseconds_text(*endpoint.commit_took);
  if (!endpoint.on_writer.value_or(false) && endpoint.last_good)
    remark.more += ", last good " + render_short(now - *endpoint.last_good) + " ago";
  remark.more += and_failure(endpoint.failure);
  // Where the look failed, the note may repeat why.
  const bool repeated = endpoint.failure && endpoint.failure->message == endpoint.note;
  if (!endpoint.note.empty() && !repeated) remark.more += ", " + endpoint.note;
  return {remark};
}

Remarks on_witness(const char* subject, const std::optional<WitnessView>& witness, Instant now) {
  if (!witness) return {};
  Remark remark{.subject = subject};
  if (witness->number) {
    remark.text = "says " + std::to_string(*witness->number);
    if (!witness->writer.empty()) remark.more = " (" + witness->writer + ")";
  } else {
    remark.tone = Tone::unsure;
    remark.text = "silent";
    if (witness->as_of) remark.more = " for " + render_short(now - *witness->as_of);
  }
  remark.more += and_failure(witness->failure);
  return {remark};
}

Remarks on_epoch_witness(const ShardView& shard, Instant now) {
  return on_witness("Epoch witness", shard.epoch_witness, now);
}

Remarks on_generation_witness(const ShardView& shard, Instant now) {
  return on_witness("Generation witness", shard.generation_witness, now);
}

Remark age_of(const ArchiveView& archive, Instant now) {
  Remark remark{.subject = kArchiveSubject};
  if (archive.recovery_point) {
    remark.text = "has everything up to " + render_short(now - *archive.recovery_point) + " ago";
  } else {
    remark.tone = Tone::unsure;
    remark.text = "age unknown";
  }
  if (archive.frontier) remark.more += " (" + render_lsn(*archive.frontier) + ")";
  if (archive.counted) remark.more += ", counted as a copy";
  return remark;
}

Remarks on_holes(const ArchiveView& archive) {
  Remarks remarks;
  if (archive.gap_segments.value_or(0) > 0) {
    remarks.push_back({.subject = kArchiveSubject,
                       .tone = Tone::bad,
                       .text = "hole of " + segments(*archive.gap_segments),
                       .more = archive.frontier ? " at " + render_lsn(*archive.frontier) : ""});
  }
  if (archive.claimed_ahead_bytes.value_or(0) > 0) {
    remarks.push_back({.subject = kArchiveSubject,
                       .tone = Tone::unsure,
                       .text = "the writer claims " + render_bytes(*archive.claimed_ahead_bytes) +
                               " more than the archive holds"});
  }
  return remarks;
}

Remarks on_archive(const ShardView& shard, Instant now) {
  const ArchiveView& archive = shard.archive;
  if (!archive.enabled) return {};
  Remarks remarks{age_of(archive, now)};
  std::ranges::move(on_holes(archive), std::back_inserter(remarks));
  if (archive.ready_segments.value_or(0) > 0)
    remarks.push_back(
        {.subject = kArchiveSubject, .text = segments(*archive.ready_segments) + " waiting"});
  if (archive.failure)
    remarks.push_back({.subject = kArchiveSubject,
                       .tone = Tone::bad,
                       .text = "last look failed",
                       .more = and_failure(archive.failure)});
  if (!archive.note.empty())
    remarks.push_back({.subject = kArchiveSubject, .tone = Tone::unsure, .text = archive.note});
  return remarks;
}

Remarks on_stamps(const ShardView& shard, Instant) {
  Remarks remarks;
  for (const std::string& statement : shard.stamp_statements)
    remarks.push_back(
        {.subject = "To stamp a promoted server", .tone = Tone::unsure, .text = statement + ";"});
  return remarks;
}

Remarks on_loss(const ShardView& shard, Instant now) {
  const auto& loss = shard.wal_losses.last;
  if (!loss || now - loss->seen >= kLossRemarkedFor) return {};
  return {{.subject = "Writer " + loss->node,
           .tone = Tone::bad,
           .text = "has lost WAL",
           .more = " " + render_short(now - loss->seen) + " ago: " + render_loss(*loss) +
                   "; a copy that has diverged may be the last to have what is lost"}};
}

Remarks on_orders(const ShardView& shard, Instant now) {
  Remarks remarks;
  if (shard.freeze)
    remarks.push_back(
        {.subject = "Writes", .tone = Tone::bad, .text = render_freeze(*shard.freeze)});
  if (shard.waiver)
    remarks.push_back({.subject = "RPO",
                       .tone = Tone::unsure,
                       .text = "waived",
                       .more = " for another " + render_short(shard.waiver->until - now) + ": " +
                               shard.waiver->why});
  return remarks;
}

Remarks on_server(const NodeView& node) {
  if (node.same_server_as.empty()) return {};
  return {{.tone = Tone::unsure,
           .text = "is the same server as " + node.same_server_as,
           .more = ", as far as rpoguard can tell, so it counts once at most: correct its host or "
                   "its DNS record"}};
}

Remarks on_lineage(const NodeView& node) {
  if (has_diverged(node))
    return {
        {.tone = Tone::bad, .text = render_divergence(node), .more = render_lineage_note(node)}};
  if (node.lineage == Lineage::unknown)
    return {{.tone = Tone::unsure, .text = "does not count", .more = render_lineage_note(node)}};
  return {};
}

}  // namespace

std::vector<Remark> remarks_of(const ShardView& shard, Instant now) {
  Remarks remarks;
  for (const auto on : {on_exposure, on_loss, on_promise, on_endpoint, on_epoch_witness,
                        on_generation_witness, on_archive, on_orders, on_stamps})
    std::ranges::move(on(shard, now), std::back_inserter(remarks));
  return remarks;
}

std::vector<Remark> remarks_of(const NodeView& node) {
  Remarks remarks;
  if (!node.note.empty()) remarks.push_back({.text = node.note});
  for (const auto on : {on_server, on_lineage})
    std::ranges::move(on(node), std::back_inserter(remarks));
  if (node.apply_delay)
    remarks.push_back({.text = "replays " + render_short(*node.apply_delay) + " late"});
  if (node.replay_paused.value_or(false))
    remarks.push_back({.tone = Tone::unsure, .text = "replay paused"});
  if (node.failure) remarks.push_back({.text = failure_text(*node.failure)});
  return remarks;
}

bool is_trouble(const Remark& remark) {
  return remark.tone == Tone::unsure || remark.tone == Tone::bad;
}

std::string render_remark(const Remark& remark) {
  return (remark.subject.empty() ? "" : remark.subject + ": ") + remark.text + remark.more;
}

}  // namespace rpoguard::core
