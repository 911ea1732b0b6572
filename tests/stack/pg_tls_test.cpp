// TLS, client certificates and SCRAM between the program and real servers: what works, what does
// not, and what the log says then.
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/cluster.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/rpoguard_process.hpp"
#include "tests/support/test_authority.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// Copies it to where the server's owner can read it.
void install(const Server& server, const Identity& identity, const std::string& client_ca) {
  const auto put = [&](const std::string& from, const std::string& name) {
    const std::string path = server.data_dir() + "/" + name;
    write_file(path, read_file(from));
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    give_to(unprivileged_user(), path);
  };
  put(identity.certificate, "server.crt");
  put(identity.key, "server.key");
  put(client_ca, "clients.crt");
}

std::unique_ptr<Server> tls_server(const Identity& identity, const std::string& client_ca) {
  auto server = Server::create({.conf = {{"ssl", "on"}, {"ssl_ca_file", "clients.crt"}}});
  install(*server, identity, client_ca);
  server->add_hba("hostssl all cert_role 127.0.0.1/32 cert");
  server->add_hba("hostnossl all scram_role 127.0.0.1/32 reject");
  server->add_hba("hostssl all scram_role 127.0.0.1/32 scram-sha-256");
  server->start();
  server->exec("create role cert_role login in role pg_monitor");
  server->exec("create role scram_role login password 'of scram_role' in role pg_monitor");
  return server;
}

/// One node, and what becomes of it.
struct Way {
  std::string shard;
  std::uint16_t port;
  std::string keys;
  std::string reason{};  ///< empty: it answers
  std::string error{};   ///< what the line in the log says
};

ShardConfig shard_of(const Way& way) {
  const bool by_address = way.keys.find("host:") != std::string::npos;
  return {.id = way.shard,
          .nodes = {{.name = "iad-a",
                     .region = "iad",
                     .port = way.port,
                     .host = by_address ? "127.0.0.1" : "localhost",
                     .extra = by_address ? way.keys.substr(way.keys.find(',') + 1) : way.keys},
                    {.name = "phx-a", .region = "phx", .port = free_port()}}};
}

std::string line_with(const std::string& log, const std::string& start) {
  const auto at = log.find(start);
  return at == std::string::npos ? "" : log.substr(at, log.find('\n', at) - at);
}

class PgTls : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    write_file(dir_ / name, text);
    return dir_ / name;
  }
  std::string copy(const std::string& from, const std::string& name, ::mode_t mode) const {
    const std::string path = file(name, read_file(from));
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  static std::string pair(const Identity& identity) {
    return "user: cert_role, sslcert: " + identity.certificate + ", sslkey: " + identity.key;
  }

  void expect(const std::vector<Way>& ways,
              const std::string& connect = "dbname: postgres, user: postgres") const {
    RpoguardConfig config{.probe_interval = "500ms", .probe_timeout = "400ms", .connect = connect};
    for (const Way& way : ways) config.shards.push_back(shard_of(way));
    Rpoguard rpoguard(config);
    rpoguard.wait_until_serving();
    for (const Way& way : ways) {
      const Labels node{{"shard", way.shard}, {"node", "iad-a"}};
      const std::string start =
          "msg=\"node does not answer\" shard=" + way.shard + " node=iad-a reason=";
      if (way.reason.empty()) {
        EXPECT_TRUE(eventually(20s, [&] { return rpoguard.metric("rpoguard_node_up", node) == 1; }))
            << line_with(rpoguard.log(), start);
        continue;
      }
      // On a slow machine the first look may time out; a change of the reason is a line, too.
      const std::string said = start + way.reason + " ";
      EXPECT_TRUE(eventually(20s, [&] { return !line_with(rpoguard.log(), said).empty(); }))
          << line_with(rpoguard.log(), start);
      const std::string line = line_with(rpoguard.log(), said);
      const std::string first = line_with(rpoguard.log(), start);
      EXPECT_TRUE(first == line || first.starts_with(start + "timeout ")) << first;
      EXPECT_NE(line.find(way.error), std::string::npos) << line;
      EXPECT_EQ(rpoguard.metric("rpoguard_node_up", node), 0) << way.shard;
      EXPECT_EQ(rpoguard.gate_reason(way.shard), "no_writer") << way.shard;
    }
  }

  TestAuthority authority_;
  TestAuthority stranger_;
  const TempDir dir_;
  const std::string verified_ =
      "sslmode: verify-full, sslrootcert: " + authority_.certificate() + ", ";
};

TEST_F(PgTls, whom_it_trusts_and_how_it_says_that_it_does_not) {
  const std::string ca = authority_.certificate();
  const auto named = [](TestAuthority& by, const std::string& names, int days) {
    return by.issue({"server", names, days});
  };
  const auto good = tls_server(named(authority_, "DNS:localhost", 2), ca);
  const auto elsewhere = tls_server(named(authority_, "DNS:elsewhere.test", 2), ca);
  const auto expired = tls_server(named(authority_, "DNS:localhost", -1), ca);
  const auto unknown = tls_server(named(stranger_, "DNS:localhost", 2), ca);
  const auto plain = Server::create({});
  plain->start();
  const std::string full = verified_ + "user: postgres";
  const std::string gone = dir_ / "gone.crt";
  expect({
      {"full", good->port(), full},
      {"ca", elsewhere->port(), "sslmode: verify-ca, user: postgres, sslrootcert: " + ca},
      {"encrypted", unknown->port(), "sslmode: require, user: postgres"},
      {"other-name", elsewhere->port(), full, "tls_failed",
       "\\\"elsewhere.test\\\" does not match host name \\\"localhost\\\""},
      {"other-address", good->port(), "host: 127.0.0.1," + full, "tls_failed",
       "does not match host name \\\"127.0.0.1\\\""},
      {"expired", expired->port(), full, "tls_failed", "certificate has expired"},
      {"unknown", unknown->port(), full, "tls_failed", "unable to get local issuer certificate"},
      {"require-ca", unknown->port(), "sslmode: require, user: postgres, sslrootcert: " + ca,
       "tls_failed", "unable to get local issuer certificate"},
      {"ca-gone", good->port(), "sslmode: require, user: postgres, sslrootcert: " + gone,
       "tls_failed", "cannot use sslrootcert " + gone + ": No such file"},
      {"no-tls", plain->port(), "sslmode: require, user: postgres", "tls_failed",
       "server does not support SSL"},
  });
}

TEST_F(PgTls, client_certificates) {
  const auto server =
      tls_server(authority_.issue({"server", "DNS:localhost"}), authority_.certificate());
  const auto port = server->port();
  const Identity own = authority_.issue({"cert_role"});
  const Identity locked = authority_.issue({"cert_role", "", 2, "open sesame"});
  const std::string role =
      verified_ + "user: cert_role, sslcert: " + own.certificate + ", sslkey: ";
  expect({
      {"own", port, role + own.key},
      {"locked", port,
       verified_ + pair(locked) + ", sslpassword_file: " + file("right", "open sesame\n")},
      {"locked-wrong", port,
       verified_ + pair(locked) + ", sslpassword_file: " + file("wrong", "open barley"),
       "tls_failed", "could not load private key file"},
      {"locked-none", port, verified_ + pair(locked), "tls_failed",
       "could not load private key file"},
      {"other-name", port, verified_ + pair(authority_.issue({"somebody"})), "auth_failed",
       "certificate authentication failed for user \\\"cert_role\\\""},
      {"none", port, verified_ + "user: cert_role", "auth_failed",
       "connection requires a valid client certificate"},
      {"unknown", port, verified_ + pair(stranger_.issue({"cert_role"})), "tls_failed",
       "unknown ca"},
      {"no-key", port, role + "/nonexistent/key", "tls_failed",
       "cannot use sslkey /nonexistent/key: No such file"},
      {"no-certificate", port,
       verified_ + "user: cert_role, sslcert: /nonexistent/crt, sslkey: " + own.key, "tls_failed",
       "cannot use sslcert /nonexistent/crt: No such file"},
      {"lax", port, role + copy(own.key, "lax.key", 0644), "tls_failed",
       "has group or world access"},
  });
}

TEST_F(PgTls, passwords_and_channel_binding) {
  const auto server =
      tls_server(authority_.issue({"server", "DNS:localhost"}), authority_.certificate());
  const auto port = server->port();
  const std::string scram = "user: scram_role, sslmode: require, ";
  const std::string right = "password_file: " + file("right", "of scram_role\n");
  const auto passfile = [&](const std::string& name, const std::string& line, ::mode_t mode) {
    const std::string path = file(name, line);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return "passfile: " + path;
  };
  const std::string line = "localhost:" + std::to_string(port) + ":*:scram_role:of scram_role\n";
  const std::string bound = ", channel_binding: require";
  // One line is one cause: that nobody verifies here is none.
  const std::string mistaken = "\\\"scram_role\\\" (sqlstate 28P01)\"";
  expect({
      {"bound", port, scram + right + bound},
      {"passfile", port, scram + passfile("passfile", line, 0600) + bound},
      {"wrong", port, scram + "password_file: " + file("wrong", "nonsense"), "auth_failed",
       "password authentication failed for user " + mistaken},
      {"empty", port, scram + "password_file: " + file("empty", "\n"), "auth_failed", "is empty"},
      {"gone", port, scram + "password_file: /nonexistent/pw", "auth_failed",
       "cannot read /nonexistent/pw: No such file"},
      {"none", port, "user: scram_role, sslmode: require", "auth_failed", "no password supplied"},
      {"clear", port, "user: scram_role, " + right, "auth_failed", "no encryption"},
      {"unbound", port, "user: postgres, sslmode: require" + bound, "tls_failed",
       "channel binding required"},
      {"open-passfile", port, scram + passfile("open", line, 0640), "auth_failed", "chmod 0600"},
      {"no-passfile", port, scram + "passfile: /nonexistent/pgpass", "auth_failed",
       "cannot use passfile /nonexistent/pgpass: No such file"},
      {"other-passfile", port, scram + passfile("other", "else:*:*:*:x\n", 0600), "auth_failed",
       "no password supplied"},
  });
}

TEST_F(PgTls, a_service_file_gives_what_the_configuration_does_not) {
  const auto server =
      tls_server(authority_.issue({"server", "DNS:localhost"}), authority_.certificate());
  const auto port = server->port();
  const Identity locked = authority_.issue({"cert_role", "", 2, "open sesame"});
  const std::string trusted = "sslmode=verify-full\nsslrootcert=" + authority_.certificate() + "\n";
  const std::string services =
      file("services",
           "[password]\nuser=scram_role\npassword=of scram_role\ndbname=postgres\n" + trusted +
               "channel_binding=require\n[locked]\nuser=cert_role\nsslcert=" + locked.certificate +
               "\nsslkey=" + locked.key + "\nsslpassword=open sesame\n" + trusted +
               "[clear]\nuser=scram_role\npassword=of scram_role\nsslmode=disable\n"
               "[host]\nhost=192.0.2.1\n[options]\noptions=-c x=y\n"
               "[prefer]\nsslmode=prefer\n[role]\nuser=nobody_here\nsslmode=require\n");
  const auto service = [&](const std::string& name) {
    return "service_file: " + services + ", service: " + name;
  };
  const std::string cannot = " of " + services + ": ";
  expect(
      {
          {"password", port, service("password")},
          {"locked", port, service("locked")},
          {"written-wins", port, service("clear") + ", sslmode: require"},
          {"written-loses", port,
           service("password") + ", password_file: " + file("no", "nonsense"), "auth_failed",
           "password authentication failed"},
          {"clear", port, service("clear"), "auth_failed", "no encryption"},
          {"role", port, service("role"), "auth_failed", "nobody_here"},
          {"missing", port, service("absent"), "auth_failed",
           "cannot use service absent" + cannot + "there is no such section"},
          {"host", port, service("host"), "auth_failed",
           "cannot use service host" + cannot + "line 20: host is named by the configuration"},
          {"options", port, service("options"), "auth_failed", "line 22: a keyword that rpoguard"},
          {"prefer", port, service("prefer"), "auth_failed", "line 24: sslmode is none of"},
          {"gone", port, "service: a, service_file: /nonexistent/s", "auth_failed",
           "cannot read /nonexistent/s: No such file"},
      },
      "port: 5432");
}

TEST_F(PgTls, the_writer_endpoint_inherits_the_service) {
  const auto server =
      tls_server(authority_.issue({"server", "DNS:localhost"}), authority_.certificate());
  const std::string good = "[s]\nuser=scram_role\nsslmode=require\npassword=of scram_role\n";
  const std::string services = file("services", good);
  ShardConfig shard = shard_of({"184", server->port(), {}});
  shard.extra = "writer_endpoint: {host: localhost, port: " + std::to_string(server->port()) +
                ", interval: 500ms, timeout: 400ms, ttl: 1s}\n";
  Rpoguard rpoguard({.shards = {shard},
                     .probe_interval = "500ms",
                     .probe_timeout = "400ms",
                     .connect = "service: s, service_file: " + services});
  rpoguard.wait_until_serving();
  const auto on_writer = [&] { return rpoguard.metric("rpoguard_endpoint_on_writer") == 1; };
  EXPECT_TRUE(eventually(20s, on_writer)) << rpoguard.log();
  file("services", "[t]\n");
  const std::string line = "msg=\"endpoint does not answer\" shard=184 reason=auth_failed error=" +
                           ("\"cannot use service s of " + services) +
                           ": there is no such section\"";
  EXPECT_TRUE(eventually(20s, [&] { return rpoguard.log().find(line) != std::string::npos; }))
      << rpoguard.log();
  file("services", good);
  EXPECT_TRUE(eventually(20s, on_writer)) << rpoguard.log();
}

/// A shard over two servers with TLS, watched by rpoguard, whose gate is open.
class RotatedShard : public PgTls {
 protected:
  void SetUp() override {
    for (const char* name : {"postgres.crt", "postgres.key", "role.crt", "role.key", "root.crt"})
      paths_[name] = dir_ / name;
    use_client(authority_);
    write_file(paths_["root.crt"], read_file(authority_.certificate()));
    write_file(dir_ / "password", "first");
    ASSERT_NO_FATAL_FAILURE(install_on(shard_.writer(), authority_));
    shard_.writer().exec("create role cert_role login in role pg_monitor");
    shard_.writer().exec("create role scram_role login password 'first' in role pg_monitor");
    Server& copy = shard_.add_standby({.name = "phx-a"});
    ASSERT_NO_FATAL_FAILURE(install_on(copy, authority_));
  }

  void install_on(Server& server, TestAuthority& authority) {
    ASSERT_NO_FATAL_FAILURE(
        install(server, authority.issue({"server", "DNS:localhost"}), authority_.certificate()));
    if (server.query("show ssl") != "on") {
      server.add_hba("hostssl all cert_role 127.0.0.1/32 cert");
      server.add_hba("hostssl all scram_role 127.0.0.1/32 scram-sha-256");
    }
    server.set_conf("ssl", "on");
    server.set_conf("ssl_ca_file", "clients.crt");
    server.reload();
    ASSERT_TRUE(server.becomes("show ssl", "on"));
  }

  void use_client(TestAuthority& authority) {
    const Identity identity = authority.issue({"cert_role"});
    copy(identity.certificate, "role.crt", 0600);
    copy(identity.key, "role.key", 0600);
  }

  void watch(const std::string& connect) {
    Server& copy = shard_.node("phx-a");
    rpoguard_ = std::make_unique<Rpoguard>(RpoguardConfig{
        .shards = {{.nodes = {{"iad-a", "iad", shard_.writer().port(), "localhost"},
                              {"phx-a", "phx", copy.port(), "localhost"}}}},
        .probe_interval = "500ms",
        .probe_timeout = "400ms",
        .connect = "sslmode: verify-full, sslrootcert: " + paths_["root.crt"] + ", " + connect});
    rpoguard_->wait_until_serving();
    opens();
  }

  void opens() const { EXPECT_TRUE(test::opens(*rpoguard_)); }
  void closes(const std::string& reason) const {
    EXPECT_TRUE(eventually(20s, [&] { return rpoguard_->gate_reason("184") == "no_writer"; }))
        << rpoguard_->log();
    EXPECT_NE(rpoguard_->log().find("node=iad-a reason=" + reason + " "), std::string::npos)
        << rpoguard_->log();
  }
  void stays_open() const {
    EXPECT_TRUE(holds_for(2s, [&] { return rpoguard_->gate_open("184"); })) << rpoguard_->log();
  }
  /// Ends its sessions with the writer.
  void disconnect() {
    shard_.writer().exec(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'rpoguard'");
  }

  Cluster shard_;
  std::map<std::string, std::string> paths_;
  std::unique_ptr<Rpoguard> rpoguard_;
};

TEST_F(RotatedShard, a_password_is_rotated_without_a_restart_and_without_closing) {
  watch("user: scram_role, password_file: " + (dir_ / "password").string());
  // The file first or the role first: a session that is there goes on.
  shard_.writer().exec("alter role scram_role password 'second'");
  stays_open();
  write_file(dir_ / "password", "second\n");
  disconnect();
  opens();
  stays_open();

  shard_.writer().exec("alter role scram_role password 'third'");
  disconnect();
  closes("auth_failed");
  write_file(dir_ / "password", "third\n");
  opens();
}

TEST_F(RotatedShard, client_certificate_and_key_are_rotated_without_a_restart) {
  watch("user: cert_role, sslcert: " + paths_["role.crt"] + ", sslkey: " + paths_["role.key"]);
  use_client(stranger_);
  stays_open();
  disconnect();
  closes("tls_failed");
  use_client(authority_);
  opens();
}

TEST_F(RotatedShard, a_service_file_is_rotated_without_a_restart) {
  const std::string start = "[s]\nuser=scram_role\nchannel_binding=require\npassword=";
  const std::string services = file("services", start + "first\n");
  watch("service: s, service_file: " + services);
  shard_.writer().exec("alter role scram_role password 'second'");
  stays_open();
  disconnect();
  closes("auth_failed");
  file("services", start + "second\n");
  opens();
}

TEST_F(RotatedShard, the_root_certificate_is_rotated_without_a_restart) {
  watch("user: postgres");
  ASSERT_NO_FATAL_FAILURE(install_on(shard_.writer(), stranger_));
  disconnect();
  closes("tls_failed");
  // Both are trusted while servers move from one to the other.
  write_file(paths_["root.crt"],
             read_file(authority_.certificate()) + read_file(stranger_.certificate()));
  opens();
}

}  // namespace
}  // namespace rpoguard::test
