// The SQL that prepares a cluster for rpoguard: printed by `rpoguard sql`.
#pragma once

#include <string>

namespace rpoguard::observe {

/// Idempotent script for psql, run as a superuser on the writer, once per shard: the role (least
/// privilege: pg_monitor and SELECT on cluster_state), the table rpoguard.cluster_state with its
/// one row, and the function rpoguard.cluster_promote(region text, operator text) returns bigint.
/// `role` must be a plain identifier ([a-z_][a-z0-9_]*, at most 63 bytes), `home_region` any text.
std::string render_migration(const std::string& role, const std::string& home_region);

}  // namespace rpoguard::observe
