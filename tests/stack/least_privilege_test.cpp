// The role that `rpoguard sql` makes: it is enough, it is no more than that, and what is missing
// from it is named with the statement that grants it.
#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// Two shards, each with a canary through a way of its own.
struct TwoShards {
  TwoShards() {
    for (RegionPair* pair : {&first, &second}) apply_sql_command(pair->iad_a(), {"--with-canary"});
  }

  RpoguardConfig config() const {
    RpoguardConfig config = RegionPair::rpoguard_config({&first, &second});
    config.probe_interval = "500ms";
    config.probe_timeout = "400ms";
    config.defaults = "gate: {reopen_after: 500ms}\n";
    for (ShardConfig& shard : config.shards)
      shard.extra =
          "writer_endpoint: {host: 127.0.0.1, port: " + std::to_string(shard.nodes.front().port) +
          ", canary: true, interval: 300ms, timeout: 250ms, ttl: 1500ms}\n";
    return config;
  }

  RegionPair first{"184"};
  RegionPair second{"185"};
};

/// Adds name and labels of everything on the page, whatever its value, but not what is there only
/// after an outage or while the exposure grows: on a slow machine one program has that, one not.
/// A session that logs in has no state for a moment ("other"): that counts while it is on the page.
void add_series(std::set<std::string>& seen, const Rpoguard& rpoguard) {
  std::erase_if(seen, [](const std::string& series) {
    return series.find("state=\"other\"") != std::string::npos;
  });
  const auto page = rpoguard.ops("/metrics");
  std::istringstream lines(page ? page->body : "");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#") || line.starts_with("rpoguard_last_write_outage_seconds{") ||
        line.starts_with("rpoguard_rpo_time_to_exhaustion_seconds{"))
      continue;
    seen.insert(line.substr(0, line.rfind(' ')));
  }
}

TEST(LeastPrivilege, the_role_sees_all_that_a_superuser_sees) {
  const TwoShards shards;
  RpoguardConfig config = shards.config();
  Rpoguard as_role(config);
  config.connect = "dbname: postgres, user: postgres";
  Rpoguard as_superuser(config);
  for (Rpoguard* rpoguard : {&as_role, &as_superuser}) {
    rpoguard->wait_until_serving();
    for (const char* shard : {"184", "185"}) {
      EXPECT_TRUE(opens(*rpoguard, 20s, shard));
    }
  }
  std::set<std::string> of_role;
  std::set<std::string> of_superuser;
  EXPECT_TRUE(eventually(60s, [&] {
    add_series(of_role, as_role);
    add_series(of_superuser, as_superuser);
    return of_role == of_superuser;
  }));
  std::vector<std::string> of_one_only;
  std::ranges::set_symmetric_difference(of_role, of_superuser, std::back_inserter(of_one_only));
  EXPECT_EQ(of_one_only, std::vector<std::string>{});
  EXPECT_GT(of_role.size(), 200u);
  for (const Sample& sample : as_role.metrics().all("rpoguard_probe_failures_total")) {
    if (sample.labels.at("reason") == "timeout") continue;  // a slow machine
    EXPECT_EQ(sample.value, 0) << sample.labels.at("reason") << "\n" << as_role.log();
  }
}

struct Right {
  const char* revoke;
  bool again = false;  ///< shows when it connects again
  const char* grant;   ///< as the log says
  const char* gate = "no_writer";
};

bool has(const std::string& line, const char* words) {
  return line.find(words) != std::string::npos;
}

/// The statements at the end of the lines in the log that say why, as they were before quoting.
/// What misses a right first, a look or the canary, differs from run to run.
std::set<std::string> grants_in(const std::string& log) {
  static const std::string kMark = "(sqlstate 42501): ";
  std::set<std::string> grants;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const auto begin = line.find(kMark);
    if (begin == std::string::npos) continue;
    std::string text;
    for (std::size_t i = begin + kMark.size(); i < line.size() && line[i] != '"'; ++i) {
      if (line[i] == '\\') ++i;
      text += line[i];
    }
    grants.insert(text);
  }
  return grants;
}

/// Lines about the shard, but none that only says that an answer came late or came again.
std::string news_of(const std::string& shard, const std::string& log) {
  std::string news;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const bool late = has(line, "reason=timeout") || has(line, " in time\"") ||
                      has(line, "answers again") || has(line, "msg=\"gate open\"");
    if (has(line, ("shard=" + shard).c_str()) && !late) news += line + "\n";
  }
  return news;
}

TEST(LeastPrivilege, each_missing_right_is_named_with_its_grant_and_closes_one_gate_only) {
  TwoShards shards;
  Server& writer = shards.first.iad_a();
  Rpoguard rpoguard(shards.config());
  ASSERT_TRUE(starts_open(rpoguard));
  ASSERT_TRUE(opens(rpoguard, 20s, "185"));
  const std::size_t start = rpoguard.log().size();
  for (const Right& right : {
           Right{"revoke usage on schema rpoguard from rpoguard", false,
                 "grant usage on schema rpoguard to rpoguard"},
           Right{"revoke select on rpoguard.cluster_state from rpoguard", false,
                 "grant select on rpoguard.cluster_state to rpoguard"},
           Right{"revoke execute on function pg_control_system() from public", false,
                 "grant execute on function pg_control_system() to rpoguard"},
           Right{"revoke connect on database postgres from public, rpoguard", true,
                 "grant connect on database \"postgres\" to \"rpoguard\""},
           Right{"revoke insert on rpoguard.canary from rpoguard", false,
                 "grant usage on schema rpoguard to \"rpoguard\"; "
                 "grant select, insert, update on rpoguard.canary to \"rpoguard\"",
                 "endpoint_misrouted"},
       }) {
    SCOPED_TRACE(right.revoke);
    const std::size_t seen = rpoguard.log().size();
    const auto since = [&] { return rpoguard.log().substr(seen); };
    writer.exec(right.revoke);
    if (right.again)
      writer.exec(
          "select pg_terminate_backend(pid) from pg_stat_activity "
          "where application_name = 'rpoguard'");
    EXPECT_TRUE(eventually(20s, [&] { return rpoguard.gate_reason("184") == right.gate; }))
        << since();
    EXPECT_TRUE(eventually(20s, [&] { return grants_in(since()).contains(right.grant); }))
        << since();
    EXPECT_TRUE(eventually(20s, [&] { return has(since(), "reason=missing_privilege"); }))
        << since();
    // It says what to do: so do it.
    writer.exec(right.grant);
    EXPECT_TRUE(opens(rpoguard));
    // Until the endpoint answers, the next refusal there is no change and no line.
    EXPECT_TRUE(eventually(20s, [&] {
      return rpoguard.ops_json("/api/v1/view")
          .at("shards")
          .at(0)
          .at("endpoint")
          .at("failure")
          .is_null();
    })) << since();
  }
  EXPECT_EQ(news_of("185", rpoguard.log().substr(start)), "");
  EXPECT_TRUE(opens(rpoguard, 20s, "185"));
}

TEST(LeastPrivilege, without_pg_monitor_or_login_nothing_is_proven_and_the_line_says_so) {
  RegionPair pair;
  RpoguardConfig config = RegionPair::rpoguard_config({&pair});
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  const auto says = [&](const std::string& text) {
    return eventually(20s, [&] { return rpoguard.log().find(text) != std::string::npos; });
  };
  pair.iad_a().exec("revoke pg_monitor from rpoguard");
  EXPECT_TRUE(says("error=\"the role lacks pg_monitor: grant pg_monitor to rpoguard\""))
      << rpoguard.log();
  EXPECT_TRUE(eventually(20s, [&] { return rpoguard.gate_reason("184") == "no_writer"; }));
  pair.iad_a().exec("grant pg_monitor to rpoguard");
  EXPECT_TRUE(opens(rpoguard));

  pair.iad_a().exec("alter role rpoguard nologin");
  pair.iad_a().exec(
      "select pg_terminate_backend(pid) from pg_stat_activity "
      "where application_name = 'rpoguard'");
  EXPECT_TRUE(says("role \\\"rpoguard\\\" is not permitted to log in")) << rpoguard.log();
  EXPECT_TRUE(eventually(20s, [&] { return !rpoguard.gate_open("184"); }));
}

TEST(LeastPrivilege, a_denied_history_leaves_forks_unknown_and_says_so_once) {
  RegionPair pair;
  pair.fail_over();
  pair.phx_a().exec("revoke execute on function rpoguard.timeline_history(integer) from rpoguard");
  RpoguardConfig config = RegionPair::rpoguard_config({&pair});
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  const std::string line = "msg=\"node does not say how its timeline came about\"";
  EXPECT_TRUE(eventually(20s, [&] { return !grants_in(rpoguard.log()).empty(); }))
      << rpoguard.log();
  EXPECT_EQ(
      grants_in(rpoguard.log()),
      (std::set<std::string>{"grant usage on schema rpoguard to \"rpoguard\"; grant execute on "
                             "function rpoguard.timeline_history(integer) to \"rpoguard\""}));
  const auto page = rpoguard.ops_json("/api/v1/view").dump();
  EXPECT_NE(page.find("permission denied for function timeline_history"), std::string::npos);
  EXPECT_TRUE(holds_for(3s, [&] {
    const std::string log = rpoguard.log();
    return log.find(line) == log.rfind(line);
  })) << rpoguard.log();
}

// Of everything in the cluster, not of a list that somebody thought of.
TEST(LeastPrivilege, the_role_can_do_no_more) {
  RegionPair pair;
  Server& writer = pair.iad_a();
  apply_sql_command(writer, {"--with-canary"});
  writer.exec("create schema app; create table app.orders (id int)");
  EXPECT_EQ(writer.query("select concat_ws(' ', rolsuper, rolcreaterole, rolcreatedb, "
                         "rolreplication, rolbypassrls) from pg_roles where rolname = 'rpoguard'"),
            "f f f f f");
  EXPECT_EQ(writer.query("select string_agg(roleid::regrole::text || admin_option, ',') "
                         "from pg_auth_members where member = 'rpoguard'::regrole"),
            "pg_monitorfalse");
  EXPECT_EQ(
      writer.query("select string_agg(c.oid::regclass || ' ' || p, ', ' order by p) "
                   "from pg_class c, unnest(array['insert', 'update', 'delete', 'truncate', "
                   "'references', 'trigger']) p where c.relkind in ('r', 'p', 'v', 'm', 'f') "
                   "and has_table_privilege('rpoguard', c.oid, p) "
                   "and c.oid <> 'pg_settings'::regclass"),  // UPDATE there is SET, of one session
      "rpoguard.canary insert, rpoguard.canary update");
  EXPECT_EQ(writer.query("select count(*) from pg_namespace where nspname !~ '^pg_(toast_)?temp' "
                         "and has_schema_privilege('rpoguard', oid, 'create')"),
            "0");
  EXPECT_EQ(writer.query("select has_table_privilege('rpoguard', 'app.orders', 'select') or "
                         "has_database_privilege('rpoguard', current_database(), 'create')"),
            "f");
  EXPECT_EQ(
      writer.query("select string_agg(p.oid::regprocedure::text, ', ') from pg_proc p "
                   "where has_function_privilege('rpoguard', p.oid, 'execute') and (p.proname in "
                   "('pg_promote', 'pg_reload_conf', 'pg_rotate_logfile', 'pg_switch_wal', "
                   "'pg_create_restore_point', 'pg_wal_replay_pause', 'pg_read_file', "
                   "'pg_read_binary_file', 'pg_stat_file', "
                   "'lo_export', 'lo_import', 'cluster_promote') "
                   "or p.pronamespace = 'rpoguard'::regnamespace)"),
      "rpoguard.timeline_history(integer)");
}

}  // namespace
}  // namespace rpoguard::test
