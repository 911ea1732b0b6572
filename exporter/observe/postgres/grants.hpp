// Which right is missing, and the statement that grants it. Pure.
#pragma once

#include <string>

#include "exporter/core/model/spec.hpp"
#include "exporter/observe/postgres/pg_failure.hpp"

namespace rpoguard::observe {

/// What gives a role the canary's rights.
std::string canary_grants(const std::string& role);
/// What gives a role the history of timelines.
std::string history_grants(const std::string& role);

/// The failure of a login, with what to do where a right is missing.
Failure explain_login(Failure failure, const core::ConnectSpec& connect);
/// The refusal of a statement, with the grants that the server names; without: where they are.
Failure explain_refusal(Failure failure, const std::string& missing_grants);

}  // namespace rpoguard::observe
