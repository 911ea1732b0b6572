#include "exporter/observe/postgres/grants.hpp"

#include "exporter/base/utf8.hpp"
#include "exporter/observe/postgres/sql_text.hpp"

namespace rpoguard::observe {

namespace {

using core::ProbeFailure;

constexpr std::size_t kGrantsBytesMax = 1000;

std::string usage_to(const std::string& role) {
  return "grant usage on schema rpoguard to " + quoted_identifier(role) + "; ";
}

}  // namespace

std::string canary_grants(const std::string& role) {
  return usage_to(role) + "grant select, insert, update on rpoguard.canary to " +
         quoted_identifier(role);
}

std::string history_grants(const std::string& role) {
  return usage_to(role) + "grant execute on function rpoguard.timeline_history(integer) to " +
         quoted_identifier(role);
}

Failure explain_login(Failure failure, const core::ConnectSpec& connect) {
  // The only right that PostgreSQL asks for before there is a session.
  if (failure.error.reason == ProbeFailure::missing_privilege)
    failure.error.message += ": grant connect on database " + quoted_identifier(connect.dbname) +
                             " to " + quoted_identifier(connect.user);
  return failure;
}

Failure explain_refusal(Failure failure, const std::string& missing_grants) {
  failure.error.message +=
      ": " + (missing_grants.empty() ? "apply the grants that rpoguard sql prints"
                                     : base::foreign_text(missing_grants, kGrantsBytesMax));
  return failure;
}

}  // namespace rpoguard::observe
