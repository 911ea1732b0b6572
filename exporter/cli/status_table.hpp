// /api/v1/view as a table that a person can read at a glance.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace rpoguard::cli {

struct TableOptions {
  std::string shard;  ///< only this one; empty: all
  bool color = false;
};

/// Worst shards first. Throws nlohmann::json::exception if the view is not of the expected form.
/// Pure.
std::string render_status(const nlohmann::json& view, const TableOptions& options);

}  // namespace rpoguard::cli
