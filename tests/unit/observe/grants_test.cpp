#include "exporter/observe/postgres/grants.hpp"

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

const Failure kRefused{{core::ProbeFailure::missing_privilege, "permission denied"}, "42501"};

TEST(Grants, a_refused_login_lacks_connect) {
  core::ConnectSpec connect;
  connect.dbname = "my \"app\"";
  EXPECT_EQ(explain_login(kRefused, connect).error.message,
            "permission denied: grant connect on database \"my \"\"app\"\"\" to \"rpoguard\"");
  Failure wrong = kRefused;
  wrong.error.reason = core::ProbeFailure::auth_failed;
  EXPECT_EQ(explain_login(wrong, connect).error.message, "permission denied");
}

TEST(Grants, a_refused_statement_says_what_to_grant_or_where_it_is_said) {
  EXPECT_EQ(explain_refusal(kRefused, "grant x to y").error.message,
            "permission denied: grant x to y");
  EXPECT_EQ(explain_refusal(kRefused, "").error.message,
            "permission denied: apply the grants that rpoguard sql prints");
}

TEST(Grants, names_stay_names) {
  EXPECT_EQ(canary_grants("a\"b"),
            "grant usage on schema rpoguard to \"a\"\"b\"; "
            "grant select, insert, update on rpoguard.canary to \"a\"\"b\"");
  EXPECT_EQ(history_grants("r"),
            "grant usage on schema rpoguard to \"r\"; "
            "grant execute on function rpoguard.timeline_history(integer) to \"r\"");
}

}  // namespace
}  // namespace rpoguard::observe
