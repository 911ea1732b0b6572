// What libpq would take from its environment, rpoguard takes from its configuration only.
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/rpoguard_process.hpp"
#include "tests/support/server.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

using Environment = std::map<std::string, std::string>;

class LibpqEnvironment : public ::testing::Test {
 protected:
  LibpqEnvironment() {
    server_->add_hba("host all scram_role 127.0.0.1/32 scram-sha-256");
    server_->start();
    server_->exec("create role scram_role login password 'right' in role pg_monitor");
    const std::string any = "*:*:*:*:right\n";
    const std::string service = "[evil]\nhost=127.0.0.1\nport=" + std::to_string(server_->port()) +
                                "\ndbname=postgres\nuser=scram_role\npassword=right\n";
    std::filesystem::create_directories(home_ / ".postgresql");
    for (const char* name : {".pgpass", "passfile"}) secret(name, any);
    for (const char* name : {".pg_service.conf", "pg_service.conf"}) secret(name, service);
    for (const char* name : {"postgresql.crt", "postgresql.key", "root.crt", "root.crl"})
      secret(std::string(".postgresql/") + name, "no certificate\n");
  }

  void secret(const std::string& name, const std::string& text) const {
    write_file(home_ / name, text);
    ASSERT_EQ(::chmod((home_ / name).c_str(), 0600), 0);
  }

  /// With nothing else in it, does a plain client log in by this?
  bool helps(const Environment& environment, const std::string& conninfo) const {
    Environment env{{"HOME", "/nonexistent"}};
    for (const auto& [name, value] : environment) env[name] = value;
    return run_command(
               {.argv = {postgres_bindir() + "/psql", "-X", "-w", "-c", "select 1", conninfo},
                .env = env})
               .exit_code == 0;
  }
  std::string address() const {
    return "host=127.0.0.1 port=" + std::to_string(server_->port()) + " dbname=postgres";
  }
  Environment home() const { return {{"HOME", home_.path()}}; }

  ShardConfig shard(const std::string& id, const std::string& keys) const {
    return {.id = id,
            .nodes = {{"iad-a", "iad", server_->port(), "127.0.0.1", keys},
                      {"phx-a", "phx", free_port()}}};
  }

  const std::unique_ptr<Server> server_ = Server::create({});
  const TempDir home_;
};

TEST_F(LibpqEnvironment, no_password_that_lies_about_is_used) {
  const std::string role = address() + " user=scram_role";
  const std::vector<std::pair<Environment, std::string>> ways{
      {home(), role},
      {{{"PGPASSWORD", "right"}}, role},
      {{{"PGPASSFILE", home_ / "passfile"}}, role},
      {{{"PGSERVICE", "evil"}, {"PGSERVICEFILE", home_ / ".pg_service.conf"}}, ""},
      {{{"PGSERVICE", "evil"}, {"PGSYSCONFDIR", home_.path()}}, ""},
      {{{"PGSERVICE", "evil"}, {"HOME", home_.path()}}, ""},
  };
  ASSERT_FALSE(helps({}, role));
  for (const auto& [environment, conninfo] : ways) {
    EXPECT_TRUE(helps(environment, conninfo)) << "here it proves nothing";
    RpoguardConfig config{.shards = {shard("184", "user: scram_role")}};
    config.env = environment;
    Rpoguard rpoguard(config);
    rpoguard.wait_until_serving();
    const std::string line = "node=iad-a reason=auth_failed error=";
    EXPECT_TRUE(eventually(20s, [&] { return rpoguard.log().find(line) != std::string::npos; }))
        << rpoguard.log();
    EXPECT_NE(rpoguard.log().find("no password supplied"), std::string::npos) << rpoguard.log();
  }
}

TEST_F(LibpqEnvironment, no_other_setting_is_taken_either) {
  const Environment hostile{{"PGHOST", "192.0.2.1"},
                            {"PGHOSTADDR", "192.0.2.1"},
                            {"PGPORT", "1"},
                            {"PGDATABASE", "no_such_database"},
                            {"PGUSER", "nobody_here"},
                            {"PGOPTIONS", "-c no_such_setting=1"},
                            {"PGAPPNAME", "somebody else"},
                            {"PGCLIENTENCODING", "SQL_ASCII"},
                            {"PGSSLMODE", "verify-full"},
                            {"PGSSLROOTCERT", "/nonexistent/root"},
                            {"PGSSLCERT", "/nonexistent/crt"},
                            {"PGSSLKEY", "/nonexistent/key"},
                            {"PGCHANNELBINDING", "require"},
                            {"PGGSSENCMODE", "require"},
                            {"PGTARGETSESSIONATTRS", "standby"},
                            {"PGSSLMAXPROTOCOLVERSION", "TLSv1.1"},
                            {"PGREQUIREPEER", "nobody"},
                            {"PGSERVICE", "no_such_service"},
                            {"HOME", home_.path()}};
  for (const auto& [name, value] : hostile) {
    // Those that are overridden by what stands in the connection string cannot show here.
    if (name == "PGOPTIONS" || name == "PGSSLMODE" || name == "PGTARGETSESSIONATTRS" ||
        name == "PGSERVICE" || name == "PGHOSTADDR" || name == "PGCHANNELBINDING") {
      EXPECT_FALSE(helps({{name, value}}, address() + " user=postgres")) << name;
    }
  }
  RpoguardConfig config{
      .shards = {shard("184", "user: postgres"), shard("185", "user: scram_role, password_file: " +
                                                                  (home_ / "password").string())}};
  secret("password", "right\n");
  config.env = hostile;
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  for (const char* id : {"184", "185"})
    EXPECT_TRUE(eventually(20s, [&] {
      return rpoguard.metric("rpoguard_node_up", {{"shard", id}, {"node", "iad-a"}}) == 1;
    })) << rpoguard.log();
  EXPECT_EQ(server_->query("select string_agg(concat_ws(' ', application_name, datname, usename, "
                           "client_addr), ', ' order by usename) from pg_stat_activity "
                           "where backend_type = 'client backend' and usename <> 'postgres' "
                           "or application_name = 'rpoguard'"),
            "rpoguard postgres postgres 127.0.0.1, rpoguard postgres scram_role 127.0.0.1");
}

}  // namespace
}  // namespace rpoguard::test
