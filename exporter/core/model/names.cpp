// The words of the enums, as they stand in metrics, JSON and headers: one table each.
#include <array>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/view.hpp"

namespace rpoguard::core {
namespace {

constexpr std::array<const char*, kProbeFailureCount> kProbeFailureNames{
    "dns_failed",       "refused",       "unreachable",          "timeout",
    "connection_lost",  "not_accepting", "too_many_connections", "auth_failed",
    "database_missing", "tls_failed",    "missing_privilege",    "query_failed",
    "bad_answer"};
static_assert(kProbeFailureNames.back() != nullptr, "name_of() finds a name by its place");

struct ReasonText {
  const char* name;
  const char* meaning;
};

constexpr std::array<ReasonText, kReasonCount> kReasonTexts{{
    {"split_brain", "two or more nodes accept writes and neither outranks the other"},
    {"stale_epoch",
     "the node that accepts writes does not own the highest epoch, or the caller's epoch, timeline "
     "or writer is not the writer's"},
    {"no_writer", "no node is known to accept writes"},
    {"endpoint_misrouted", "the writer endpoint does not lead to the writer"},
    {"stale_generation",
     "the caller's generation of the shard map is not the current one, or nobody can check it"},
    {"frozen", "an operator has frozen writes"},
    {"unproven",
     "no counted copy has proven anything durable yet, or rpoguard has not judged the shard for "
     "too long"},
    {"rpo_exceeded",
     "more acknowledged work than the RPO allows is not proven durable on the counted copies"},
    {"archive_too_old", "the WAL archive is older than the policy allows"},
    {"reopening", "the cause is over; the gate reopens if it stays away for a while"},
}};
static_assert(kReasonTexts.back().name != nullptr, "name_of() finds a name by its place");

constexpr std::array<const char*, kNodeStateCount> kNodeStateNames{
    "writer", "standby", "stale_writer", "split_brain", "unconfirmed", "foreign", "unreachable"};
static_assert(kNodeStateNames.back() != nullptr, "name_of() finds a name by its place");

constexpr std::array<const char*, kLineageCount> kLineageNames{"unknown", "assumed", "follows",
                                                               "diverged"};

}  // namespace

const char* name_of(Lineage lineage) {
  return kLineageNames.at(static_cast<std::size_t>(lineage));
}

const char* name_of(ProbeFailure reason) {
  return kProbeFailureNames.at(static_cast<std::size_t>(reason));
}

const char* name_of(Reason reason) {
  return kReasonTexts.at(static_cast<std::size_t>(reason)).name;
}

const char* meaning_of(Reason reason) {
  return kReasonTexts.at(static_cast<std::size_t>(reason)).meaning;
}

const char* name_of(NodeState state) {
  return kNodeStateNames.at(static_cast<std::size_t>(state));
}

}  // namespace rpoguard::core
