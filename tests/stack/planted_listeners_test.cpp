// The secrets of the listeners: of users, of tokens, of keys that stand in a web configuration.
// None may come out, over TLS or anywhere else.
#include <filesystem>
#include <sstream>

#include <crypt.h>
#include <gtest/gtest.h>

#include "tests/support/certificates.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/planted.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/rpoguard_process.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

using Words = std::vector<std::string>;

std::string indented(const std::string& text, const std::string& by) {
  std::istringstream lines(text);
  std::string all;
  for (std::string line; std::getline(lines, line);) all += by + line + "\n";
  return all;
}

std::string joined(const std::string& text) {
  std::string line = text;
  std::erase(line, '\n');
  return line;
}

class PlantedListeners : public ::testing::Test {
 protected:
  PlantedListeners() {
    make_authority(dir_.path(), "ca");
    make_certificate(dir_.path(), "server", {.authority = "ca"});
    key_ = read_file(dir_ / "server.key");
    watch_lines(key_);
    crypt_data work{};
    hash_ = ::crypt_r(planted_.plant("password").c_str(), "$2b$04$abcdefghijklmnopqrstuu", &work);
    planted_.watch("hash", hash_.substr(29));
    for (const char* name : {"token", "wrong-token"})
      write_file(dir_ / name, planted_.plant(name) + "\n");
    write_file(dir_ / "user", "jo:" + planted_.secrets().at("password") + "\n");
    write_file(dir_ / "wrong-user", "jo:" + planted_.plant("wrong-password") + "\n");
    write_file(dir_ / "stranger", planted_.plant("stranger") + ":" + planted_.plant("his") + "\n");
    write_file(dir_ / "half-user", planted_.plant("half-user") + "\n");
    config_.shards = {{.nodes = {{.name = "iad-a", .region = "iad", .port = free_port()},
                                 {.name = "phx-a", .region = "phx", .port = free_port()}}}};
    config_.process = "control: {token_file: " + (dir_ / "token").string() + "}\n";
  }

  // All but the first and the last line, which every key has.
  void watch_lines(const std::string& pem) {
    std::istringstream lines(pem);
    int number = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.size() >= 8 && !line.starts_with("-----"))
        planted_.watch("key-line-" + std::to_string(++number), line);
    ASSERT_GT(number, 1);
  }

  std::string tls() const {
    return "tls_server_config:\n  cert: |\n" + indented(read_file(dir_ / "server.crt"), "    ") +
           "  key: |\n" + indented(key_, "    ");
  }
  std::string users() const { return "basic_auth_users:\n  jo: \"" + hash_ + "\"\n"; }

  void clean(const std::string& where, const std::string& text, const std::string& proof) const {
    EXPECT_NE(text.find(proof), std::string::npos) << where << " has no " << proof << ":\n" << text;
    EXPECT_EQ(planted_.found_in(text), "") << where << ":\n" << text;
    // What a library shows of one key may begin in the middle of a line.
    EXPECT_EQ(text.find("PRIVATE KEY"), std::string::npos) << where << ":\n" << text;
  }

  void start() {
    write_file(dir_ / "ops.yml", tls() + users());
    write_file(dir_ / "gate.yml", tls());
    const std::uint16_t health = free_port();
    config_.health = "127.0.0.1:" + std::to_string(health);
    config_.arguments = {"--web.config.file=" + (dir_ / "ops.yml").string(),
                         "--gate.web.config.file=" + (dir_ / "gate.yml").string()};
    rpoguard_ = std::make_unique<Rpoguard>(config_);
    ASSERT_TRUE(eventually(30s, [&] {
      const auto answer = http_get(health, "/readyz");
      return answer && answer->status == 200;
    })) << rpoguard_->log();
    for (const char* target : {"/readyz", "/livez"})
      clean(std::string("health ") + target, http_get(health, target).value().body, "ok");
  }

  /// Head and body of the answer; the words are more options of curl.
  std::string curl(std::uint16_t port, const std::string& target, Words words) const {
    words.insert(words.begin(), {"curl", "-sSi", "--max-time", "20", "--cacert", "ca.crt"});
    words.push_back("https://127.0.0.1:" + std::to_string(port) + target);
    return run_command({.argv = words, .directory = dir_.path()}).output;
  }
  Words user(const std::string& file) const { return {"--user", joined(read_file(dir_ / file))}; }
  Words bearer(const std::string& file) const {
    return {"-X", "POST", "-H", "Authorization: Bearer " + joined(read_file(dir_ / file))};
  }
  std::string command(Words words) const {
    words.insert(words.begin(), RPOGUARD_BINARY);
    return run_command({.argv = words, .directory = dir_.path()}).output;
  }

  void knock() const {
    const std::uint16_t ops = rpoguard_->ops_port();
    for (const char* target :
         {"/metrics", "/api/v1/view", "/api/v1/events", "/readyz?verbose", "/livez?verbose", "/"})
      clean(target, curl(ops, target, user("user")), "HTTP/1.1 200");
    for (const char* file : {"wrong-user", "stranger"})
      clean(file, curl(ops, "/metrics", user(file)), "HTTP/1.1 401");
    clean("no user", curl(ops, "/metrics", {}), "HTTP/1.1 401");
    for (const char* file : {"token", "wrong-token"})
      clean(file, curl(ops, "/metrics", {"-H", bearer(file).back()}), "HTTP/1.1 401");
    clean("verb", curl(ops, "/-/freeze?shard=184&by=jo&reason=x", bearer("token")), "HTTP/1.1 200");
    clean("no verb", curl(ops, "/-/freeze?shard=184&by=jo&reason=x", bearer("wrong-token")),
          "HTTP/1.1 401");
    for (const char* target : {"/gate", "/gate/184", "/authz/184"})
      for (const Words& words : {Words{}, user("user"), Words{"-H", bearer("token").back()}})
        clean(target, curl(rpoguard_->gate_port(), target, words), "HTTP/1.1 ");
  }

  void ask_as_a_command() const {
    const Words access{"--url", "https://127.0.0.1:" + std::to_string(rpoguard_->ops_port()),
                       "--ca-file", "ca.crt", "--user-file"};
    const auto with = [&](Words words, const char* file) {
      words.insert(words.end(), access.begin(), access.end());
      words.emplace_back(file);
      return command(words);
    };
    clean("status", with({"status"}, "user"), "no_writer");
    clean("status --json", with({"status", "--json"}, "user"), "no_writer");
    for (const char* file : {"wrong-user", "stranger", "half-user"}) {
      clean(file, with({"status"}, file), "--user-file");
      clean(file, with({"freeze", "184", "--reason=x", "--token-file=wrong-token"}, file), "token");
    }
  }

  Planted planted_;
  TempDir dir_;
  std::string key_;
  std::string hash_;
  RpoguardConfig config_;
  std::unique_ptr<Rpoguard> rpoguard_;
};

TEST_F(PlantedListeners, none_comes_out_while_tls_and_users_guard_them) {
  ASSERT_NO_FATAL_FAILURE(start());
  knock();
  ask_as_a_command();
  // A clear password where its hash belongs, and half a key.
  for (const std::string& broken :
       {tls() + "basic_auth_users: {jo: \"" + planted_.secrets().at("password") + "\"}\n",
        tls().substr(0, tls().size() / 2) + "\n" + users()}) {
    const auto failures = [&] {
      const std::string log = rpoguard_->log();
      std::size_t count = 0;
      for (auto at = log.find("not reloaded"); at != std::string::npos;
           at = log.find("not reloaded", at + 1))
        ++count;
      return count;
    };
    const std::size_t before = failures();
    write_file(dir_ / "ops.yml", broken);
    EXPECT_TRUE(eventually(20s, [&] { return failures() > before; })) << rpoguard_->log();
  }
  knock();
  clean("argv", read_file("/proc/" + std::to_string(rpoguard_->pid()) + "/cmdline"), "serve");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(rpoguard_->state_dir()))
    if (entry.is_regular_file()) clean(entry.path(), read_file(entry.path()), "");
  EXPECT_EQ(rpoguard_->stop(), 0);
  clean("log", rpoguard_->log(), "web configuration not reloaded");
}

// With a secret in the wrong place the message says which place, and no more.
TEST_F(PlantedListeners, none_comes_out_of_a_bad_web_configuration) {
  write_file(dir_ / "rpoguard.yml", render_config(config_, 1, 2, "/s"));
  const std::string s = planted_.plant("misplaced");
  const std::string quoted = "\"" + s + "\"";
  const std::string block = "|\n" + indented(key_, "      ");
  const auto certain = [](const std::string& keys) {
    return "tls_server_config:\n  cert_file: server.crt\n" + keys;
  };
  for (const std::string& bad : {
           certain("  key_file: " + block),
           certain("  key_file:\n" + indented(key_, "      ")),
           certain("  key: " + quoted),
           certain("  key:\n" + indented(key_, "    ")),
           certain("  key: |\n" + indented(key_.substr(0, 200), "    ")),
           "tls_server_config:\n  key_file: server.key\n  cert: " + block,
           certain("  key_file: server.key\n  client_ca: " + block),
           certain("  key_file: server.key\n  min_version: " + quoted),
           certain("  key_file: server.key\n  client_auth_type: " + block),
           certain("  key_file: server.key\n  cipher_suites: [" + quoted + "]\n"),
           certain("  key_file: server.key\n  headers: " + block),
           "tls_server_config: " + block,
           "tls_server_config: {" + quoted + ": x}\n",
           "key: " + block,
           block,
           key_,
           quoted + ": x\n",
           "basic_auth_users: {jo: " + quoted + "}\n",
           "basic_auth_users: {" + quoted + ": x}\n",
           "basic_auth_users: {" + quoted + ": }\n",
           "basic_auth_users: " + quoted + "\n",
           "basic_auth_users: {jo: [" + quoted + "]}\n",
           "basic_auth_users: {jo: \"" + hash_ + "x\"}\n",
           "basic_auth_users: {\"" + hash_ + "\": jo}\n",
           "http_server_config: {headers: {Authorization: " + quoted + "}}\n",
           "http_server_config: {headers: {" + quoted + ": x}}\n",
           "http_server_config: {http2: " + quoted + "}\n",
           "rate_limit: {burst: " + quoted + "}\n",
           "rate_limit: " + quoted + "\n",
       }) {
    write_file(dir_ / "web.yml", bad);
    for (const char* option : {"--web.config.file=web.yml", "--gate.web.config.file=web.yml"}) {
      clean(bad, command({"check-config", "rpoguard.yml", option}), "web.yml");
      clean(bad, command({"serve", "--config.file=rpoguard.yml", option}), "web.yml");
    }
  }
}

}  // namespace
}  // namespace rpoguard::test
