// The view as JSON: /readyz shows its cluster part, /api/v1/view all of it. Unknown is null.
#pragma once

#include <optional>
#include <string>

#include "exporter/core/model/view.hpp"

namespace rpoguard::serve {

/// The object "cluster" of /readyz. `shard`: only this one. `view` null: nothing is known, writes
/// are not usable. Decided as of `now`; `wall` dates the instants.
std::string render_cluster_json(const core::View* view, const std::optional<std::string>& shard,
                                core::Instant now, core::WallTime wall);

/// Body of /api/v1/view: every shard with everything known. `wall` dates the instants.
std::string render_view_json(const core::View& view, core::Instant now, core::WallTime wall);

}  // namespace rpoguard::serve
