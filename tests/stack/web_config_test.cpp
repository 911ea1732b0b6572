// TLS, client certificates and users on both listeners, asked by curl and scraped by Prometheus.
#include <atomic>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/certificates.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/monitoring.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

using Words = std::vector<std::string>;

constexpr const char* kServer =
    "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
constexpr const char* kDemandClient =
    "  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n";

std::string users() {
  return std::string("basic_auth_users:\n  jo: ") + kSesameHash + "\n";
}

class WebConfig : public ::testing::Test {
 protected:
  WebConfig() {
    make_authority(dir_.path(), "ca");
    make_authority(dir_.path(), "stranger");
    make_certificate(dir_.path(), "server", {.authority = "ca"});
    make_certificate(dir_.path(), "client", {.authority = "ca", .san = "DNS:scraper.test"});
    make_certificate(dir_.path(), "intruder", {.authority = "stranger"});
  }

  // Nothing answers on the ports of its nodes: the listeners are what is looked at.
  void start(const std::string& ops, const std::string& gate, const std::string& process = "") {
    RpoguardConfig config;
    config.shards = {{.nodes = {{.name = "iad-a", .region = "iad", .port = free_port()},
                                {.name = "phx-a", .region = "phx", .port = free_port()}}}};
    config.process = process;
    health_port_ = free_port();
    config.health = "127.0.0.1:" + std::to_string(health_port_);
    add_file(config, "ops.yml", ops, "--web.config.file=");
    add_file(config, "gate.yml", gate, "--gate.web.config.file=");
    rpoguard_ = std::make_unique<Rpoguard>(config);
    ASSERT_TRUE(eventually(30s, [&] {
      const auto health = http_get(health_port_, "/readyz");
      return health && health->status == 200;
    })) << rpoguard_->log();
  }
  void add_file(RpoguardConfig& config, const char* name, const std::string& text,
                const std::string& option) const {
    if (text.empty()) return;
    write_file(dir_ / name, text);
    config.arguments.push_back(option + (dir_ / name).string());
  }

  // "200", or "000" when there was no HTTP answer.
  std::string curl(std::uint16_t port, const std::string& path, Words words) const {
    const bool tls = std::ranges::find(words, "plain") == words.end();
    std::erase(words, "plain");
    Words argv{"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20"};
    if (tls) argv.insert(argv.end(), {"--cacert", "ca.crt"});
    argv.insert(argv.end(), words.begin(), words.end());
    argv.push_back((tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port) +
                   path);
    return run_command({.argv = argv, .directory = dir_.path()}).output;
  }
  std::string ops(const Words& words, const std::string& path = "/metrics") const {
    return curl(rpoguard_->ops_port(), path, words);
  }
  // The gate of a shard without a writer: closed, which is an answer.
  std::string gate(const Words& words) const {
    return curl(rpoguard_->gate_port(), "/gate/184", words);
  }
  std::string page(const Words& words) const {
    Words argv{"curl", "-s", "--cacert", "ca.crt"};
    argv.insert(argv.end(), words.begin(), words.end());
    argv.push_back("https://127.0.0.1:" + std::to_string(rpoguard_->ops_port()) + "/metrics");
    return run_command({.argv = argv, .directory = dir_.path()}).output;
  }
  // No secret of this test is anywhere in the log.
  void expect_clean_log() const {
    const std::string log = rpoguard_->log();
    EXPECT_NE(log.find("rpoguard is up"), std::string::npos) << log;
    for (const std::string& secret :
         {std::string("PRIVATE KEY"), std::string("sesame"), std::string(kSesameHash).substr(7),
          read_file(dir_ / "server.key").substr(40, 40)})
      EXPECT_EQ(log.find(secret), std::string::npos);
  }

  TempDir dir_;
  std::uint16_t health_port_ = 0;
  std::unique_ptr<Rpoguard> rpoguard_;

  const Words certificate_{"--cert", "client.crt", "--key", "client.key"};
  const Words intruder_{"--cert", "intruder.crt", "--key", "intruder.key"};
  const Words user_{"--user", "jo:sesame"};
  const Words wrong_user_{"--user", "jo:open"};
  const Words unknown_user_{"--user", "ana:sesame"};
  const Words both_{"--cert", "client.crt", "--key", "client.key", "--user", "jo:sesame"};
  const Words tls11_{"--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"};
  const Words tls12_{"--tls-max", "1.2"};
  const Words tls13_{"--tlsv1.3"};
};

TEST_F(WebConfig, plain_listeners_speak_no_tls_and_users_can_guard_one) {
  start(users(), "");
  EXPECT_EQ(ops({"plain"}), "401");
  EXPECT_EQ(ops({"plain", "--user", "jo:open"}), "401");
  EXPECT_EQ(ops({"plain", "--user", "ana:sesame"}), "401");
  EXPECT_EQ(ops({"plain", "--user", "jo:sesame"}), "200");
  EXPECT_EQ(ops(user_), "000");
  EXPECT_EQ(gate({"plain"}), "503");
  EXPECT_EQ(gate({}), "000");
  EXPECT_EQ(http_get(health_port_, "/livez")->status, 200);
  EXPECT_EQ(http_get(health_port_, "/metrics")->status, 404);
  expect_clean_log();
}

TEST_F(WebConfig, tls_is_spoken_from_1_2_on_and_nothing_in_clear_text) {
  start(kServer, kServer);
  for (const Words& words : {Words{}, tls12_, tls13_, intruder_}) {
    EXPECT_EQ(ops(words), "200");
    EXPECT_EQ(gate(words), "503");
  }
  for (const Words& words : {Words{"plain"}, tls11_}) {
    EXPECT_EQ(ops(words), "000");
    EXPECT_EQ(gate(words), "000");
  }
  const Metrics metrics(page({}));
  for (const char* listener : {"ops", "gate"}) {
    EXPECT_GE(metrics.value("rpoguard_web_handshake_failures_total", {{"listener", listener}}), 2)
        << listener;
    EXPECT_EQ(metrics.value("rpoguard_web_config_reload_failures_total", {{"listener", listener}}),
              0);
    EXPECT_GT(metrics.value("rpoguard_web_certificate_expiry_timestamp_seconds",
                            {{"listener", listener}}),
              1.7e9);
  }
  expect_clean_log();
}

TEST_F(WebConfig, min_and_max_version_are_kept) {
  start(kServer + std::string("  min_version: TLS13\n"),
        kServer + std::string("  max_version: TLS12\n"));
  EXPECT_EQ(ops(tls12_), "000");
  EXPECT_EQ(ops(tls13_), "200");
  EXPECT_EQ(gate(tls12_), "503");
  EXPECT_EQ(gate(tls13_), "000");
}

TEST_F(WebConfig, client_certificates_let_in_who_has_one_of_the_authority) {
  const std::string demanding = kServer + std::string(kDemandClient);
  start(demanding, demanding + "  client_allowed_sans: [gateway.test]\n");
  EXPECT_EQ(ops(certificate_), "200");
  EXPECT_EQ(ops({}), "000");
  EXPECT_EQ(ops(intruder_), "000");
  EXPECT_EQ(gate(certificate_), "000") << "of the authority, for another name";
  make_certificate(dir_.path(), "gateway", {.authority = "ca", .san = "DNS:x,DNS:gateway.test"});
  EXPECT_EQ(gate({"--cert", "gateway.crt", "--key", "gateway.key"}), "503");
  EXPECT_EQ(gate({}), "000");
}

TEST_F(WebConfig, each_kind_of_client_certificate_policy_does_what_its_name_says) {
  const auto policy = [](const std::string& name, bool authority) {
    return kServer + std::string(authority ? "  client_ca_file: ca.crt\n" : "") +
           "  client_auth_type: " + name + "\n";
  };
  start(policy("VerifyClientCertIfGiven", true), policy("RequireAnyClientCert", false));
  EXPECT_EQ(ops({}), "200");
  EXPECT_EQ(ops(certificate_), "200");
  EXPECT_EQ(ops(intruder_), "000");
  EXPECT_EQ(gate({}), "000");
  EXPECT_EQ(gate(intruder_), "503");
  start(policy("RequestClientCert", false), policy("NoClientCert", false));
  for (const Words& words : {Words{}, certificate_, intruder_}) {
    EXPECT_EQ(ops(words), "200");
    EXPECT_EQ(gate(words), "503");
  }
}

TEST_F(WebConfig, tls_and_users_are_both_demanded) {
  start(kServer + std::string(kDemandClient) + users(), kServer);
  EXPECT_EQ(ops(both_), "200");
  EXPECT_EQ(ops(certificate_), "401");
  EXPECT_EQ(ops(user_), "000");
  EXPECT_EQ(ops({"--cert", "client.crt", "--key", "client.key", "--user", "jo:open"}), "401");
}

TEST_F(WebConfig, control_verbs_take_an_authenticated_caller_or_the_token) {
  write_file(dir_ / "token", "open sesame\n");
  const std::string freeze = "/-/freeze?shard=184&by=jo&reason=x";
  const Words bearer{"-X", "POST", "-H", "Authorization: Bearer open sesame"};
  start(kServer + users(), "", "");
  EXPECT_EQ(ops({"-X", "POST"}, freeze), "401");
  EXPECT_EQ(ops({"-X", "POST"}, "/-/reload"), "401");
  EXPECT_EQ(ops(bearer, freeze), "401") << "no token is configured";
  EXPECT_EQ(ops({"-X", "POST", "--user", "jo:sesame"}, freeze), "200");
  EXPECT_EQ(ops({"-X", "POST", "--user", "jo:sesame"}, "/-/reload"), "200");
  start(kServer + users(), "", "control: {token_file: " + (dir_ / "token").string() + "}");
  EXPECT_EQ(ops(bearer, freeze), "200");
  EXPECT_EQ(ops(bearer, "/-/reload"), "200");
  EXPECT_EQ(ops({"-X", "POST", "-H", "Authorization: Bearer no"}, freeze), "401");
  EXPECT_EQ(ops({"-X", "POST", "--user", "jo:sesame"}, freeze), "401") << "scrapers do not freeze";
  EXPECT_EQ(ops({"-H", "Authorization: Bearer open sesame"}), "401") << "it opens the verbs only";
}

TEST_F(WebConfig, the_commands_get_in_with_files) {
  start(kServer + std::string(kDemandClient) + users(), "");
  write_file(dir_ / "user", "jo:sesame\n");
  const auto run = [&](Words words) {
    words.insert(words.begin(), RPOGUARD_BINARY);
    return run_command({.argv = words, .directory = dir_.path()});
  };
  const std::string config = "--config.file=" + rpoguard_->config_path();
  const Words access{config,       "--ca-file",  "ca.crt",      "--cert-file", "client.crt",
                     "--key-file", "client.key", "--user-file", "user"};
  const auto with_access = [&](Words words) {
    words.insert(words.end(), access.begin(), access.end());
    return run(words);
  };
  const CommandResult status = with_access({"status"});
  EXPECT_EQ(status.exit_code, 1) << status.output;
  EXPECT_NE(status.output.find("no_writer"), std::string::npos) << status.output;
  const CommandResult frozen = with_access({"freeze", "184", "--reason=x"});
  EXPECT_EQ(frozen.exit_code, 0) << frozen.output;
  EXPECT_EQ(with_access({"unfreeze", "184"}).exit_code, 0);
  EXPECT_EQ(run({"status", config}).exit_code, 2);
  const CommandResult nobody = run({"status", config, "--ca-file", "ca.crt", "--cert-file",
                                    "client.crt", "--key-file", "client.key"});
  EXPECT_EQ(nobody.exit_code, 2);
  EXPECT_NE(nobody.output.find("--user-file"), std::string::npos) << nobody.output;
}

TEST_F(WebConfig, prometheus_scrapes_over_tls_with_a_certificate_and_a_user) {
  start(kServer + std::string(kDemandClient) + users(), "");
  const std::string tls = "scheme: https, tls_config: {ca_file: " + (dir_ / "ca.crt").string() +
                          ", cert_file: " + (dir_ / "client.crt").string() +
                          ", key_file: " + (dir_ / "client.key").string() + "}";
  const Prometheus let_in(
      {.scrape_port = rpoguard_->ops_port(),
       .scrape_access = tls + ", basic_auth: {username: jo, password: sesame}"});
  const Prometheus shut_out({.scrape_port = rpoguard_->ops_port(), .scrape_access = tls});
  EXPECT_TRUE(eventually(60s, [&] { return let_in.value("up") == 1; })) << let_in.log();
  EXPECT_TRUE(eventually(60s, [&] { return let_in.value("rpoguard_writes_usable") == 0; }));
  EXPECT_TRUE(eventually(60s, [&] { return shut_out.value("up") == 0; })) << shut_out.log();
}

TEST_F(WebConfig, shipped_examples_are_accepted_by_promtool_and_rpoguard_and_work) {
  std::filesystem::copy_file(dir_ / "ca.crt", dir_ / "clients.crt");
  for (const char* suffix : {".crt", ".key"})
    std::filesystem::copy_file(dir_ / (std::string("server") + suffix),
                               dir_ / (std::string("tls") + suffix));
  const auto example = [](const char* name) {
    return read_file(std::filesystem::path(RPOGUARD_SOURCE_DIR) / "docs/examples/web-config" /
                     name);
  };
  start(example("ops.yml"), example("gate.yml"));
  const CommandResult promtool =
      run_command({.argv = {"promtool", "check", "web-config", "ops.yml", "gate.yml"},
                   .directory = dir_.path()});
  EXPECT_EQ(promtool.exit_code, 0) << promtool.output;
  const CommandResult checked =
      run_command({.argv = {RPOGUARD_BINARY, "check-config", rpoguard_->config_path(),
                            "--web.config.file=ops.yml", "--gate.web.config.file=gate.yml"},
                   .directory = dir_.path()});
  EXPECT_EQ(checked.exit_code, 0) << checked.output;
  EXPECT_EQ(ops({"--cert", "client.crt", "--key", "client.key", "--user", "prometheus:sesame"}),
            "200");
  EXPECT_EQ(ops(certificate_), "401");
  EXPECT_EQ(gate(certificate_), "503");
  EXPECT_EQ(gate({}), "000");
}

// What `openssl s_client` is shown.
std::string shown_certificate(std::uint16_t port, const std::filesystem::path& directory) {
  return run_command({.argv = {"sh", "-c",
                               "openssl s_client -connect 127.0.0.1:" + std::to_string(port) +
                                   " </dev/null 2>/dev/null | openssl x509 -noout -serial"},
                      .directory = directory})
      .output;
}

TEST_F(WebConfig, a_certificate_is_replaced_under_load_without_a_failed_scrape) {
  start(kServer + users(), kServer);
  std::atomic<bool> over{false};
  std::atomic<int> scrapes{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 3; ++i) {
    scrapers.emplace_back([&, i] {
      while (!over) {
        if ((i == 0 ? gate({}) : ops(user_)) != (i == 0 ? "503" : "200")) ++failed;
        ++scrapes;
      }
    });
  }
  const auto serial = [&](const char* name) {
    return run_command({.argv = {"openssl", "x509", "-noout", "-serial", "-in",
                                 (dir_ / (std::string(name) + ".crt")).string()}})
        .output;
  };
  const auto is_shown = [&] {
    return shown_certificate(rpoguard_->ops_port(), dir_.path()) == serial("server") &&
           shown_certificate(rpoguard_->gate_port(), dir_.path()) == serial("server");
  };
  const auto failures = [&] {
    return Metrics(page(user_))
        .value("rpoguard_web_config_reload_failures_total", {{"listener", "gate"}});
  };
  std::set<std::string> serials{serial("server")};
  for (int rotation = 0; rotation < 3; ++rotation) {
    make_certificate(dir_.path(), "next", {.authority = "ca"});
    // First half of the certificate alone, then the whole beside the old key, then both.
    const std::string whole = read_file(dir_ / "next.crt");
    const auto before = failures();
    EXPECT_TRUE(before);
    write_file(dir_ / "server.crt", whole.substr(0, whole.size() / 2));
    EXPECT_TRUE(eventually(20s, [&] { return failures() > before; }));
    write_file(dir_ / "server.crt", whole);
    EXPECT_TRUE(eventually(20s, [&] { return failures() > before.value_or(0) + 1; }));
    std::filesystem::rename(dir_ / "next.key", dir_ / "server.key");
    EXPECT_TRUE(eventually(20s, is_shown)) << rotation;
    serials.insert(serial("server"));
  }
  EXPECT_TRUE(eventually(60s, [&] { return scrapes >= 200; }));
  over = true;
  for (std::thread& scraper : scrapers) scraper.join();
  EXPECT_EQ(failed, 0) << "of " << scrapes;
  EXPECT_EQ(serials.size(), 4U);
  RecordProperty("scrapes", scrapes);
  expect_clean_log();
}

TEST_F(WebConfig, users_and_headers_change_without_a_restart_but_do_not_vanish) {
  start(users(), "");
  ASSERT_EQ(ops({"plain", "--user", "jo:sesame"}), "200");
  const std::string other = std::string("basic_auth_users:\n  ana: ") + kSesameHash + "\n";
  write_file(dir_ / "ops.yml", "http_server_config: {headers: {X-Frame-Options: deny}}\n" + other);
  EXPECT_TRUE(eventually(20s, [&] { return ops({"plain", "--user", "jo:sesame"}) == "401"; }));
  EXPECT_EQ(ops({"plain", "--user", "ana:sesame"}), "200");
  EXPECT_EQ(http_get(rpoguard_->ops_port(), "/metrics")->headers["x-frame-options"], "deny");
  // Cut short, it would open the listener.
  write_file(dir_ / "ops.yml", "http_server_config: {http2: false}\n");
  EXPECT_TRUE(eventually(20s, [&] {
    return rpoguard_->log().find("cannot come or go") != std::string::npos;
  })) << rpoguard_->log();
  EXPECT_EQ(ops({"plain"}), "401");
}

TEST_F(WebConfig, a_broken_file_at_the_start_is_an_error_and_no_listener) {
  write_file(dir_ / "rpoguard.yml",
             render_config({.shards = {{.nodes = {{.name = "a", .region = "iad", .port = 1},
                                                  {.name = "b", .region = "phx", .port = 2}}}}},
                           free_port(), free_port(), dir_.path()));
  const auto run = [&](const std::string& text, const char* option, Words words) {
    write_file(dir_ / "web.yml", text);
    words.insert(words.begin(), RPOGUARD_BINARY);
    words.push_back(option + std::string("=web.yml"));
    return run_command({.argv = words, .user = unprivileged_user(), .directory = dir_.path()});
  };
  std::filesystem::permissions(dir_ / "server.key", std::filesystem::perms::owner_read);
  make_certificate(dir_.path(), "old", {.authority = "ca", .days = -1});
  std::filesystem::permissions(dir_ / "intruder.key", std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  struct Row {
    std::string text;
    const char* option;
    const char* says;
  };
  const std::string mismatch =
      "tls_server_config: {cert_file: client.crt, key_file: intruder.key}\n";
  const std::vector<Row> rows{
      {kServer, "--web.config.file", "web.yml:3:3: tls_server_config.key_file: cannot read"},
      {mismatch, "--web.config.file", "key_file: does not belong to the certificate"},
      {mismatch, "--gate.web.config.file", "key_file: does not belong to the certificate"},
      {users(), "--gate.web.config.file", "basic_auth_users: the gate checks no passwords"},
      {"tls_server_confg: {}\n", "--web.config.file", "web.yml:1:1: tls_server_confg: "},
      {"rate_limit: {burst: 1}\n", "--web.config.file", "rate_limit: is not supported"},
  };
  for (const Row& row : rows) {
    for (const Words& words :
         {Words{"serve", "--config.file=rpoguard.yml"}, Words{"check-config", "rpoguard.yml"}}) {
      const CommandResult result = run(row.text, row.option, words);
      EXPECT_EQ(result.exit_code, 1) << row.text << result.output;
      EXPECT_NE(result.output.find(row.says), std::string::npos) << result.output;
      EXPECT_EQ(result.output.find("PRIVATE"), std::string::npos) << result.output;
    }
  }
  std::filesystem::permissions(dir_ / "old.key", std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  const CommandResult ended = run("tls_server_config: {cert_file: old.crt, key_file: old.key}\n",
                                  "--web.config.file", {"check-config", "rpoguard.yml"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_NE(ended.output.find("the certificate has ended"), std::string::npos) << ended.output;
}

}  // namespace
}  // namespace rpoguard::test
