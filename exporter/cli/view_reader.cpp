#include "exporter/cli/view_reader.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace rpoguard::cli {
namespace {

using core::Duration;
using core::Instant;
using core::WallTime;
using nlohmann::json;

const json& member(const json& object, const char* name) {
  static const json nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

template <typename T>
std::optional<T> read(const json& object, const char* name) {
  const json& value = member(object, name);
  if (value.is_null()) return std::nullopt;
  return value.get<T>();
}

std::string text(const json& object, const char* name) {
  return read<std::string>(object, name).value_or("");
}

bool is_true(const json& object, const char* name) {
  return read<bool>(object, name).value_or(false);
}

std::optional<core::Lsn> read_lsn(const json& object, const char* name) {
  return core::parse_lsn(text(object, name));
}

// As render_time() writes it: "2026-01-01T00:00:00.000Z".
std::optional<WallTime> read_time(const json& object, const char* name) {
  constexpr std::size_t kSeconds = std::string_view("2026-01-01T00:00:00").size();
  std::string date = text(object, name);
  if (date.size() != kSeconds + std::string_view(".000Z").size()) return std::nullopt;
  const auto whole = core::parse_time(date.substr(0, kSeconds) + "Z");
  const auto rest = core::parse_duration(date.substr(kSeconds + 1, 3) + "ms");
  if (!whole || !rest) return std::nullopt;
  return *whole + std::chrono::duration_cast<std::chrono::microseconds>(*rest);
}

std::optional<Instant> read_instant(const json& object, const char* name, const AnswerTime& at) {
  const auto time = read_time(object, name);
  if (!time || !at.wall) return std::nullopt;
  return at.now + (*time - *at.wall);
}

std::optional<Instant> read_age(const json& object, const char* name, const AnswerTime& at) {
  const auto age = read_seconds(member(object, name));
  if (!age) return std::nullopt;
  return at.now - *age;
}

// A newer rpoguard may know more reasons: the message then says which.
std::optional<core::ProbeError> read_failure(const json& object) {
  const json& failure = member(object, "failure");
  if (failure.is_null()) return std::nullopt;
  const std::string reason = text(failure, "reason");
  for (std::size_t i = 0; i < core::kProbeFailureCount; ++i) {
    const auto known = static_cast<core::ProbeFailure>(i);
    if (name_of(known) == reason) return core::ProbeError{known, text(failure, "message")};
  }
  return core::ProbeError{core::ProbeFailure::bad_answer, reason + ", " + text(failure, "message")};
}

// A newer rpoguard may know more states: then nobody knows here how the node is.
core::NodeState read_state(const json& node) {
  const std::string state = text(node, "state");
  for (std::size_t i = 0; i < core::kNodeStateCount; ++i) {
    const auto known = static_cast<core::NodeState>(i);
    if (name_of(known) == state) return known;
  }
  return core::NodeState::unreachable;
}

// A newer rpoguard may know more of them: then it is unknown here.
std::optional<core::Lineage> read_lineage(const json& node) {
  const std::string lineage = text(node, "lineage");
  if (lineage.empty()) return std::nullopt;
  for (std::size_t i = 0; i < core::kLineageCount; ++i) {
    const auto known = static_cast<core::Lineage>(i);
    if (name_of(known) == lineage) return known;
  }
  return core::Lineage::unknown;
}

std::optional<core::WriterView> read_writer(const json& writer) {
  if (writer.is_null()) return std::nullopt;
  return core::WriterView{.node = text(writer, "node"),
                          .region = text(writer, "writer_region"),
                          .epoch = {},
                          .timeline = {}};
}

std::optional<core::EndpointView> read_endpoint(const json& endpoint, const AnswerTime& at) {
  if (endpoint.is_null()) return std::nullopt;
  return core::EndpointView{.on_writer = read<bool>(endpoint, "on_writer"),
                            .commit_took = read_seconds(member(endpoint, "commit_seconds")),
                            .last_good = read_instant(endpoint, "last_good", at),
                            .failure = read_failure(endpoint),
                            .note = text(endpoint, "note")};
}

std::optional<core::WitnessView> read_witness(const json& witness, const AnswerTime& at) {
  if (witness.is_null()) return std::nullopt;
  return core::WitnessView{.number = read<std::int64_t>(witness, "number"),
                           .writer = text(witness, "writer"),
                           .as_of = read_instant(witness, "as_of", at),
                           .failure = read_failure(witness)};
}

core::ArchiveView read_archive(const json& archive, const AnswerTime& at) {
  core::ArchiveView view;
  view.enabled = is_true(archive, "enabled");
  view.counted = is_true(archive, "counted");
  view.recovery_point = read_age(archive, "age_seconds", at);
  view.frontier = read_lsn(archive, "frontier");
  view.gap_segments = read<std::int64_t>(archive, "gap_segments");
  view.claimed_ahead_bytes = read<std::int64_t>(archive, "claimed_ahead_bytes");
  view.ready_segments = read<std::int64_t>(archive, "ready_segments");
  view.failure = read_failure(archive);
  view.note = text(archive, "note");
  return view;
}

core::SynchronousView read_synchronous(const json& synchronous) {
  if (synchronous.is_null()) return {};
  return {.promised = true,
          .downgraded = is_true(synchronous, "downgraded"),
          .problem = text(synchronous, "problem")};
}

std::optional<core::Freeze> read_freeze(const json& freeze) {
  if (freeze.is_null()) return std::nullopt;
  return core::Freeze{.by = text(freeze, "by"),
                      .reason = text(freeze, "reason"),
                      .until = read_time(freeze, "until")};
}

std::optional<core::WaiverView> read_waiver(const json& waiver, const AnswerTime& at) {
  if (waiver.is_null()) return std::nullopt;
  return core::WaiverView{.until = read_instant(waiver, "until", at).value_or(at.now),
                          .why = text(waiver, "why")};
}

std::optional<core::WalLoss> read_loss(const json& loss, const AnswerTime& at) {
  if (loss.is_null()) return std::nullopt;
  return core::WalLoss{.node = text(loss, "node"),
                       .flushed = read_lsn(loss, "flushed").value_or(core::Lsn{}),
                       .goes_on_from = read_lsn(loss, "goes_on_from").value_or(core::Lsn{}),
                       .seen = read_instant(loss, "seen", at).value_or(at.now)};
}

}  // namespace

std::optional<Duration> read_seconds(const json& seconds) {
  // Some centuries: what is beyond would not fit.
  constexpr double kMost = 9e9;
  if (seconds.is_null()) return std::nullopt;
  const double number = std::clamp(seconds.get<double>(), -kMost, kMost);
  return std::chrono::round<Duration>(std::chrono::duration<double>(number));
}

AnswerTime read_answer_time(const json& view) {
  return {.wall = read_time(view, "now")};
}

core::NodeView read_node(const json& node) {
  core::NodeView view;
  view.state = read_state(node);
  view.up = is_true(node, "up");
  view.counted = is_true(node, "counted");
  view.same_server_as = text(node, "same_server_as");
  view.streaming = read<bool>(node, "streaming");
  view.synchronous = read<bool>(node, "synchronous");
  view.apply_delay = read_seconds(member(node, "apply_delay_seconds"));
  view.replay_paused = read<bool>(node, "replay_paused");
  view.failure = read_failure(node);
  view.diverged_bytes = read<std::int64_t>(node, "diverged_bytes");
  view.fork_point = read_lsn(node, "fork_point");
  view.lineage = read_lineage(node);
  view.lineage_note = text(node, "lineage_note");
  view.note = text(node, "note");
  return view;
}

core::GateWords read_gate(const json& gate) {
  return {.mode = text(gate, "mode"),
          .open = is_true(gate, "open"),
          .reason = text(gate, "reason"),
          .waived = is_true(gate, "waived")};
}

core::ShardView read_shard(const json& shard, const AnswerTime& at) {
  auto spec = std::make_shared<core::ShardSpec>();
  spec->rpo = read_seconds(member(shard, "rpo_seconds")).value_or(Duration{0});
  core::ShardView view;
  view.spec = std::move(spec);
  view.writer = read_writer(member(shard, "writer"));
  view.wal_losses.last = read_loss(member(member(shard, "wal_losses"), "last"), at);
  view.stamp_statements = read<std::vector<std::string>>(shard, "stamp_statements")
                              .value_or(std::vector<std::string>{});
  view.recovery_point = read_age(shard, "exposure_seconds", at);
  view.exposure_growth = read<double>(shard, "exposure_growth");
  view.bootstrapped = is_true(shard, "bootstrapped");
  view.synchronous = read_synchronous(member(shard, "synchronous"));
  view.endpoint = read_endpoint(member(shard, "endpoint"), at);
  view.epoch_witness = read_witness(member(shard, "epoch_witness"), at);
  view.generation_witness = read_witness(member(shard, "generation_witness"), at);
  view.archive = read_archive(member(shard, "archive"), at);
  view.freeze = read_freeze(member(shard, "freeze"));
  view.waiver = read_waiver(member(shard, "waiver"), at);
  return view;
}

}  // namespace rpoguard::cli
