// /api/v1/view, read back as the view that it was made from, as far as core/tell/remark.hpp and
// summary.hpp speak of it.
#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "exporter/core/model/view.hpp"
#include "exporter/core/tell/summary.hpp"

namespace rpoguard::cli {

/// The moment of the answer on both clocks: ages are counted back from `now`.
struct AnswerTime {
  core::Instant now{};
  std::optional<core::WallTime> wall{};  ///< absent: dates of the answer say nothing
};

// What is null, or what an older rpoguard does not say, is unknown. All throw
// nlohmann::json::exception where a member is of another type. Pure.

AnswerTime read_answer_time(const nlohmann::json& view);
std::optional<core::Duration> read_seconds(const nlohmann::json& seconds);
core::NodeView read_node(const nlohmann::json& node);
core::GateWords read_gate(const nlohmann::json& gate);
core::ShardView read_shard(const nlohmann::json& shard, const AnswerTime& at);

}  // namespace rpoguard::cli
