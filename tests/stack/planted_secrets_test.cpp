// Secrets of every kind go in; none may come out, whatever goes wrong on the way.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/planted.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/test_authority.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

// The search itself first: else nothing found would mean nothing.
TEST(PlantedSearch, each_would_be_found_in_every_form_and_place) {
  Planted planted;
  planted.plant("password");
  planted.plant("token");
  EXPECT_EQ(planted.found_in("an innocent text"), "");
  for (const auto& [name, secret] : planted.secrets()) {
    const auto forms = forms_of(secret);
    EXPECT_EQ(forms.size(), 8u);
    for (const std::string& form : forms) {
      EXPECT_GE(form.size(), 8u) << form;
      EXPECT_NE(planted.found_in("before" + form + "after").find(name + " as "), std::string::npos);
    }
  }
  // As programs that do encode would write it.
  for (const char* before : {"", "u", "us"}) {
    const std::string text = before + planted.secrets().at("token");
    const auto encoded =
        run_command({.argv = {"sh", "-c", "printf %s \"$1\" | base64 -w0", "sh", text}});
    EXPECT_NE(planted.found_in(encoded.output), "") << encoded.output;
  }
}

/// rpoguard with everything that takes a secret, in order and out of order.
class PlantedSecrets : public ::testing::Test {
 protected:
  void SetUp() override {
    prepare_server();
    witness_.say("{\"epoch\":1,\"generation\":5}");
    const std::string tls = "sslmode: verify-full, sslrootcert: " + authority_.certificate();
    const std::string locked = ", sslcert: " + client_.certificate + ", sslkey: " + client_.key;
    const std::string good = tls + locked + ", sslpassword_file: " + secret_file("passphrase") +
                             ", password_file: " + secret_file("password");
    const std::uint16_t port = server_->port();
    config_.process = "control: {token_file: " + secret_file("control-token") + "}\n" +
                      "lease: {path: " + (dir_ / "lease").string() + "}\n" + hooks();
    config_.probe_interval = "500ms";
    config_.probe_timeout = "400ms";
    config_.epoch_source = "table";
    config_.connect = "dbname: postgres, user: rpoguard";
    config_.env = {{"ENDPOINT_PASSWORD", planted_.plant("endpoint-password")},
                   {"PGPASSWORD", planted_.plant("environment-password")},
                   {"PGBACKREST_REPO1_CIPHER_PASS", planted_.plant("cipher-password")}};
    config_.shards = {
        shard("good", port, good,
              "epoch: {source: table, url: \"" + witness_.url("/{shard}") +
                  "\", pointer: /epoch, token_file: " + secret_file("epoch-token") +
                  "}\ngeneration: {url: \"" + witness_.url("/{shard}") +
                  "\", pointer: /generation, token_file: " + secret_file("generation-token") +
                  "}\nwriter_endpoint: {host: localhost, port: " + std::to_string(port) +
                  ", canary: true, password_env: ENDPOINT_PASSWORD}\n"),
        shard("wrong-password", port, tls + ", password_file: " + secret_file("wrong-password")),
        shard("wrong-passphrase", port,
              tls + locked + ", sslpassword_file: " + secret_file("wrong-passphrase")),
        shard("untrusted", port,
              "sslmode: verify-full, sslrootcert: " + stranger_.certificate() +
                  ", password_file: " + secret_file("untrusted-password")),
        shard("passfile", port, "sslmode: require, passfile: " + passfile()),
        shard("service", port, "service: wrong, service_file: " + services()),
        shard("service-broken", port, "service: broken, service_file: " + services()),
        shard("service-cut", port, "service: cut, service_file: " + services()),
        shard("refused", free_port(), "password_file: " + secret_file("refused-password")),
        shard("denied", port, good,
              "epoch: {source: table, url: \"" + denying_.url() +
                  "\", pointer: /epoch, token_file: " + secret_file("denied-token") +
                  "}\narchive: {source: command, command: [/bin/sh, -c, 'env >>" +
                  (dir_ / "lister").string() + "; env >&2; exit 1']}\n"),
    };
  }

  void prepare_server() {
    server_ = Server::create({.conf = {{"ssl", "on"}, {"lc_messages", "C"}}});
    const Identity own = authority_.issue({"server", "DNS:localhost"});
    for (const auto& [from, name] :
         {std::pair(own.certificate, "server.crt"), std::pair(own.key, "server.key")}) {
      const std::string path = server_->data_dir() + "/" + name;
      write_file(path, read_file(from));
      ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
      give_to(unprivileged_user(), path);
    }
    server_->add_hba("host all rpoguard,told 127.0.0.1/32 scram-sha-256");
    server_->start();
    apply_sql_command(*server_, {"--with-canary"});
    server_->exec("alter role rpoguard password '" + planted_.plant("password") + "'");
    client_ = authority_.issue({"rpoguard", "", 2, planted_.plant("passphrase")});
    server_->exec("create role told login password 'of told'");
    denying_.say_status("401 Unauthorized");
    failing_.say_status("500 Internal Server Error");
  }

  std::string secret_file(const std::string& name) {
    if (!planted_.secrets().contains(name)) planted_.plant(name);
    write_file(dir_ / name, planted_.secrets().at(name) + "\n");
    return dir_ / name;
  }
  std::string passfile() {
    const std::string path = secret_file("passfile-password");
    write_file(path, "localhost:*:*:*:" + planted_.secrets().at("passfile-password") + "\n");
    EXPECT_EQ(::chmod(path.c_str(), 0600), 0);
    return path;
  }

  std::string services() {
    const std::string path = secret_file("service-password");
    const std::string password = "password=" + planted_.secrets().at("service-password") + "\n";
    const std::string keyword = "hush88/keyword+88";  // without the sign that ends one
    planted_.watch("service-keyword", keyword);
    write_file(path, "[wrong]\n" + password +
                         "sslmode=verify-full\nsslrootcert=" + authority_.certificate() +
                         "\nsslcert=" + client_.certificate + "\nsslkey=" + client_.key +
                         "\nsslpassword=" + planted_.secrets().at("passphrase") + "\n[broken]\n" +
                         password + keyword + "=x\n[cut]\n" + keyword + "\n");
    return path;
  }

  std::string hooks() {
    const std::string key = "d2hzZWMtaHVzaC13aHNlYy1odXNoLXdoc2VjLWh1c2g=";
    planted_.watch("signing-key", key);
    planted_.watch("signing-key-bytes", "whsec-hush-whsec-hush-whsec-hush");
    write_file(dir_ / "whsec", "whsec_" + key + "\n");
    const auto url = [](const JsonServer& server) { return "url: \"" + server.url() + "\""; };
    return "hooks:\n  - {name: web, type: webhook, " + url(receiver_) +
           ", secret_file: " + (dir_ / "whsec").string() +
           ", token_file: " + secret_file("webhook-token") +
           "}\n  - {name: failing, type: webhook, " + url(failing_) +
           ", secret_file: " + (dir_ / "whsec").string() +
           "}\n  - {name: unsigned, type: webhook, " + url(receiver_) +
           ", secret_file: " + secret_file("malformed-key") +
           "}\n  - {name: am, type: alertmanager, " + url(denying_) +
           ", token_file: " + secret_file("alertmanager-token") +
           "}\n  - {name: sql, type: sql, sql: [select 1], user: told, password_file: " +
           secret_file("hook-password") +
           "}\n  - {name: run, type: command, command: [/bin/sh, -c, "
           "'{ cat; tr \"\\0\" \"\\n\" </proc/$$/environ; tr \"\\0\" \" \" </proc/$$/cmdline; } "
           ">>" +
           (dir_ / "child").string() + "']}\n";
  }

  static ShardConfig shard(const std::string& id, std::uint16_t port, const std::string& keys,
                           const std::string& extra = {}) {
    return {.id = id,
            .nodes = {{"iad-a", "iad", port, "localhost", keys},
                      {"phx-a", "phx", free_port(), "127.0.0.1", "password_file: /nonexistent/p"}},
            .extra = extra};
  }

  /// Nothing planted stands in it, and it is what it should be.
  void clean(const std::string& where, const std::string& text, const std::string& proof) const {
    EXPECT_NE(text.find(proof), std::string::npos) << where << " has no " << proof << ":\n" << text;
    EXPECT_EQ(planted_.found_in(text), "") << where << ":\n" << text;
  }
  std::string command(std::vector<std::string> words,
                      const std::map<std::string, std::string>& env = {}) const {
    words.insert(words.begin(), RPOGUARD_BINARY);
    return run_command({.argv = words, .env = env}).output;
  }

  void look_at_pages(const Rpoguard& rpoguard) const {
    for (const auto& [target, proof] :
         std::map<std::string, std::string>{{"/metrics", "rpoguard_build_info"},
                                            {"/api/v1/view", "\"wrong-password\""},
                                            {"/api/v1/events", "gate_closed"},
                                            {"/readyz?verbose", "ok"},
                                            {"/livez?verbose", "ok"},
                                            {"/", "wrong-password"}})
      clean(target, page(rpoguard.ops(target)), proof);
    for (const char* target : {"/gate", "/gate/good", "/gate/denied", "/authz/good"})
      clean(target, page(rpoguard.gate(target)), "rpoguard-gate");
    clean("lease page", read_file(dir_ / "lease"), "good");
  }
  static std::string page(const std::optional<HttpReply>& reply) {
    if (!reply) return "no answer";
    std::string text = reply->body;
    for (const auto& [name, value] : reply->headers) text += "\n" + name + ": " + value;
    return text;
  }

  Planted planted_;
  TestAuthority authority_;
  TestAuthority stranger_;
  TempDir dir_;
  Identity client_;
  JsonServer witness_{"{}"};
  JsonServer denying_{"{}"};
  JsonServer receiver_{"{}"};
  JsonServer failing_{"{}"};
  std::unique_ptr<Server> server_;
  RpoguardConfig config_;
};

TEST_F(PlantedSecrets, none_comes_out_of_a_run_with_every_fault) {
  Rpoguard rpoguard(config_);
  rpoguard.wait_until_serving();
  // The log has come past every fault, and what is right works: the secrets were in use.
  for (const char* line :
       {"shard=wrong-password node=iad-a reason=auth_failed",
        "shard=wrong-passphrase node=iad-a reason=tls_failed",
        "shard=untrusted node=iad-a reason=tls_failed",
        "shard=passfile node=iad-a reason=auth_failed",
        "shard=service node=iad-a reason=auth_failed",
        "shard=service-broken node=iad-a reason=auth_failed",
        "shard=service-cut node=iad-a reason=auth_failed",
        "shard=refused node=iad-a reason=refused", "shard=denied witness=epoch reason=auth_failed",
        "msg=\"archive does not answer\" shard=denied reason=query_failed",
        "shard=good reason=auth_failed", "shard=good node=iad-a state=writer", "hook=web ",
        "hook=failing ", "hook=unsigned ", "hook=sql ", "hook=run ", "hook=am "})
    EXPECT_TRUE(eventually(30s, [&] { return rpoguard.log().find(line) != std::string::npos; }))
        << line << "\n"
        << rpoguard.log();
  EXPECT_TRUE(eventually(30s, [&] { return !read_file(dir_ / "lister").empty(); }));
  EXPECT_NE(witness_.last_request().find("Bearer hush"), std::string::npos)
      << "the witness is asked with a token";

  const std::string config = "--config.file=" + rpoguard.config_path();
  for (const char* token : {"control-token", "wrong-token"}) {
    const std::string said = command(
        {"freeze", "good", "--reason", "drill", config, "--token-file", secret_file(token)});
    clean("freeze", said, std::string(token) == "control-token" ? "good" : "token");
  }
  clean("status", command({"status", config}), "wrong-password");
  clean("status --json", command({"status", "--json", config}), "wrong-password");
  clean("check-config", command({"check-config", rpoguard.config_path()}), "valid");
  look_at_pages(rpoguard);

  write_file(rpoguard.config_path(), read_file(rpoguard.config_path()) +
                                         "password: " + planted_.plant("appended-password") + "\n");
  const auto reload = [&](const std::string& token) {
    return page(
        http_call(rpoguard.ops_port(),
                  {.method = "POST",
                   .target = "/-/reload",
                   .headers = {{"Authorization", "Bearer " + planted_.secrets().at(token)}}}));
  };
  clean("reload", reload("wrong-token"), "the right bearer token");
  clean("reload", reload("control-token"), "a password does not belong in this file");
  look_at_pages(rpoguard);

  clean("argv", read_file("/proc/" + std::to_string(rpoguard.pid()) + "/cmdline"), "serve");
  clean("child", read_file(dir_ / "child"), "RPOGUARD_EVENT");
  clean("lister", read_file(dir_ / "lister"), "LANG=C");
  std::string bodies;
  for (const JsonServer* server : {&receiver_, &failing_, &denying_})
    for (const std::string& body : server->bodies()) bodies += body + "\n";
  clean("bodies", bodies, "rpoguard.gate_closed");
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(rpoguard.state_dir() + "/shards"))
    if (entry.is_regular_file()) clean(entry.path(), read_file(entry.path()), "shard");
  EXPECT_EQ(rpoguard.stop(), 0);
  clean("log", rpoguard.log(), "configuration not reloaded");
}

// Where a core file would be allowed, and would be written here.
TEST_F(PlantedSecrets, a_crash_leaves_no_core) {
  config_.launcher = {"sh", "-c", "ulimit -c unlimited; exec \"$@\"", "sh"};
  Rpoguard rpoguard(config_);
  rpoguard.wait_until_serving();
  const auto directory = std::filesystem::path(rpoguard.config_path()).parent_path();
  send_signal(rpoguard.pid(), SIGABRT);
  EXPECT_EQ(rpoguard.ends(20s), 128 + SIGABRT);
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    EXPECT_EQ(entry.path().filename().string().find("core"), std::string::npos) << entry.path();
}

// Configurations with a secret in the wrong place: the message says which place, and no more.
TEST_F(PlantedSecrets, none_comes_out_of_a_bad_configuration) {
  const std::string good = render_config(config_, 1, 2, "/s");
  const std::string s = "hush77/misplaced+77";
  planted_.watch("misplaced", s);
  const std::string url = "http://user:" + s + "@h.test/";
  const std::string quoted = "\"" + s + "\"";
  const auto nodes = good.find("shards:");
  int number = 0;
  for (const std::string& bad : {
           "password: " + quoted,
           "defaults: {connect: {password: " + quoted + "}}",
           "defaults: {connect: {password_file: " + quoted + "}}",
           "defaults: {connect: {password_env: " + quoted + "}}",
           "defaults: {connect: {passfile: " + quoted + "}}",
           "defaults: {connect: {sslpassword_file: " + quoted + "}}",
           "defaults: {connect: {service_file: " + quoted + "}}",
           "defaults: {connect: {service: " + quoted + "}}",
           "defaults: {connect: {sslpassword: " + quoted + "}}",
           "defaults: {connect: {host: " + quoted + "}}",
           "defaults: {connect: {host: \"postgresql://u:" + s + "@h/db\"}}",
           "defaults: {connect: {host: \"host=h password=" + s + "\"}}",
           "defaults: {connect: " + quoted + "}",
           "defaults: {epoch: {url: \"" + url + "\", pointer: /e}}",
           "defaults: {epoch: {token_file: " + quoted + "}}",
           "defaults: {epoch: {token: " + quoted + "}}",
           "defaults: {generation: {url: \"" + url + "\", pointer: /e}}",
           "control: {token_file: " + quoted + "}",
           "control: {token: " + quoted + "}",
           "control: " + quoted,
           "hooks: [{name: a, type: webhook, url: \"" + url + "\"}]",
           "hooks: [{name: a, type: webhook, url: \"http://h.test/\", secret: " + quoted + "}]",
           "hooks: [{name: a, type: webhook, url: \"http://h.test/\", secret_file: " + quoted +
               "}]",
           "hooks: [{name: a, type: alertmanager, url: \"" + url + "\"}]",
           "hooks: [{name: a, type: sql, sql: [select 1], password: " + quoted + "}]",
           "hooks: [{name: a, type: command, command: [" + quoted + "]}]",
           "listen: {ops: \"" + url + "\"}",
           "state_dir: " + quoted,
           "defaults: {connect: {password_file: *" + s + "}}",
           "defaults: {connect: {password_file: !" + s + " x}}",
           "defaults: {connect: {password_file: &" + s + " x}}",
           "defaults: {connect: {password_file: '" + s + "}}",
           "defaults: {connect: {port: " + s + "}}",
           "defaults: {connect: {sslmode: " + quoted + "}}",
           "defaults: {connect: {" + s + "}}",
           s,
       }) {
    const std::string path = dir_ / ("bad" + std::to_string(++number) + ".yml");
    write_file(path, bad + "\n" + good.substr(nodes));
    clean(bad, command({"check-config", path}), path);
    clean(bad, command({"serve", "--config.file=" + path}), path);
    clean(bad, command({"status", "--config.file=" + path}), path);
  }
  for (const char* verb : {"status", "freeze"}) clean(verb, command({verb, "--url", url}), "--");
}

}  // namespace
}  // namespace rpoguard::test
