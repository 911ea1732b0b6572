#include "exporter/core/tell/remark.hpp"

#include <utility>

#include "exporter/base/human.hpp"

namespace rpoguard::core {
namespace {

using base::render_bytes;
using base::render_short;
using Remarks = std::vector<Remark>;

constexpr const char* kArchiveSubject = "WAL archive";

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

void add_exposure(const ShardView& shard, Instant now, Remarks& remarks) {
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
}

void add_promise(const ShardView& shard, Remarks& remarks) {
  if (!shard.synchronous.promised || shard.synchronous.problem.empty()) return;
  remarks.push_back({.subject = "Synchronous durability",
                     .tone = Tone::bad,
                     .text = is_downgraded(shard) ? "downgraded" : "not proven",
                     .more = ": " + shard.synchronous.problem});
}

Remark verdict_on(const EndpointView& endpoint) {
  constexpr const char* kSubject = "Writer endpoint";
  if (!endpoint.on_writer)
    return {.subject = kSubject,
            .tone = Tone::unsure,
            .text = "not known whether it leads to the writer"};
  if (*endpoint.on_writer)
    return {.subject = kSubject, .tone = Tone::good, .text = "leads to the writer"};
  return {.subject = kSubject, .tone = Tone::bad, .text = "does not lead to the writer"};
}

void add_endpoint(const EndpointView& endpoint, Instant now, Remarks& remarks) {
  Remark remark = verdict_on(endpoint);
  if (endpoint.commit_took)
    remark.more += ", a commit took " + milliseconds_text(*endpoint.commit_took);
  if (!endpoint.on_writer.value_or(false) && endpoint.last_good)
    remark.more += ", last good " + render_short(now - *endpoint.last_good) + " ago";
  remark.more += and_failure(endpoint.failure);
  // Where the look failed, the note may repeat why.
  const bool repeated = endpoint.failure && endpoint.failure->message == endpoint.note;
  if (!endpoint.note.empty() && !repeated) remark.more += ", " + endpoint.note;
  remarks.push_back(std::move(remark));
}

void add_witness(const char* subject, const std::optional<WitnessView>& witness, Instant now,
                 Remarks& remarks) {
  if (!witness) return;
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
  remarks.push_back(std::move(remark));
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

void add_holes(const ArchiveView& archive, Remarks& remarks) {
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
}

void add_archive(const ArchiveView& archive, Instant now, Remarks& remarks) {
  if (!archive.enabled) return;
  remarks.push_back(age_of(archive, now));
  add_holes(archive, remarks);
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
}

void add_stamps(const ShardView& shard, Remarks& remarks) {
  for (const std::string& statement : shard.stamp_statements)
    remarks.push_back(
        {.subject = "To stamp a promoted server", .tone = Tone::unsure, .text = statement + ";"});
}

void add_orders(const ShardView& shard, Instant now, Remarks& remarks) {
  if (shard.freeze)
    remarks.push_back(
        {.subject = "Writes", .tone = Tone::bad, .text = render_freeze(*shard.freeze)});
  if (shard.waiver)
    remarks.push_back({.subject = "RPO",
                       .tone = Tone::unsure,
                       .text = "waived",
                       .more = " for another " + render_short(shard.waiver->until - now) + ": " +
                               shard.waiver->why});
}

}  // namespace

std::vector<Remark> remarks_of(const ShardView& shard, Instant now) {
  Remarks remarks;
  add_exposure(shard, now, remarks);
  add_promise(shard, remarks);
  if (shard.endpoint) add_endpoint(*shard.endpoint, now, remarks);
  add_witness("Epoch witness", shard.epoch_witness, now, remarks);
  add_witness("Generation witness", shard.generation_witness, now, remarks);
  add_archive(shard.archive, now, remarks);
  add_orders(shard, now, remarks);
  add_stamps(shard, remarks);
  return remarks;
}

std::vector<Remark> remarks_of(const NodeView& node) {
  Remarks remarks;
  if (!node.note.empty()) remarks.push_back({.text = node.note});
  if (node.diverged_bytes.value_or(0) > 0)
    remarks.push_back({.tone = Tone::bad,
                       .text = render_divergence(node),
                       .more = node.fork_point ? " at " + render_lsn(*node.fork_point) : ""});
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
