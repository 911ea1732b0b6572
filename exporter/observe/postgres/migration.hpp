// The SQL that prepares a cluster for rpoguard: printed by `rpoguard sql`.
#pragma once

#include <string>
#include <string_view>

namespace rpoguard::observe {

/// Whether the role may write one table, which only writer_endpoint.canary needs.
enum class Canary { without_table, with_table };

/// Whether the role may mark each run of the writer (docs/decisions/0009).
enum class Marks { without_table, with_table };

/// An identifier of PostgreSQL that needs no quotes: [a-z_][a-z0-9_]*, at most 63 bytes.
bool is_plain_identifier(std::string_view text);

/// A plain identifier that can name a role: not public or none, which SQL takes for everybody and
/// nobody even in quotes, and none of PostgreSQL's own (pg_...).
bool is_role_name(std::string_view text);

/// Idempotent script for psql, run as a superuser on the writer, once per shard: the role (least
/// privilege: pg_monitor and SELECT on cluster_state), the table rpoguard.cluster_state with its
/// one row, the functions rpoguard.cluster_promote(region text, operator text, above bigint default
/// null) returns bigint and rpoguard.timeline_history(timeline integer) returns text; with_table:
/// also rpoguard.canary, which the role may write, or rpoguard.run_mark and what belongs to it, to
/// which only rpoguard.mark_run() adds. What an earlier version of the script has made is brought
/// up to date, and keeps its owner and its grants; what only a flag makes stays when it is run
/// without. It stops where somebody else has made
/// what it would take over (migration_guard.hpp). REQUIRES: is_role_name(role); `home_region` is
/// any text.
std::string render_migration(const std::string& role, const std::string& home_region,
                             Canary canary = Canary::without_table,
                             Marks marks = Marks::without_table);

}  // namespace rpoguard::observe
