// Under which name a walreceiver stands at its upstream.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rpoguard::observe {

/// `conninfo` as pg_stat_wal_receiver shows it: every parameter that is set, in libpq's order,
/// without quotes. nullopt where the name says nothing: it is every walreceiver's default, or holds
/// what PostgreSQL writes in another way at the upstream.
std::optional<std::string> announced_name(std::string_view conninfo);

}  // namespace rpoguard::observe
