// The shipped configurations of real proxies in front of a real shard: when the gate closes, writes
// are refused and reads pass; when it opens, writes pass again.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/stack/guarded_shard.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/proxies.hpp"
#include "tests/support/shipped_file.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// An HTTP API behind a proxy.
class Api {
 public:
  explicit Api(std::uint16_t port, std::string path) : port_(port), path_(std::move(path)) {}

  std::optional<HttpReply> call(const std::string& method,
                                const std::map<std::string, std::string>& headers = {}) const {
    return http_call(port_, {.method = method, .target = path_, .headers = headers, .body = "{}"});
  }
  int status(const std::string& method) const {
    const auto reply = call(method);
    return reply ? reply->status : 0;
  }
  /// All methods that write get this answer, and all that read are let through.
  void writes_become(int status_of_writes, const std::string& trouble) const {
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) {
      ASSERT_TRUE(eventually(30s, [&] { return status(method) == status_of_writes; }))
          << method << " gets " << status(method) << "\n"
          << trouble;
    }
    EXPECT_EQ(status("GET"), 200);
  }

 private:
  std::uint16_t port_;
  std::string path_;
};

TEST(Integrations, nginx_refuses_writes_while_the_gate_is_closed_and_lets_reads_through) {
  GuardedShard guarded;
  const std::uint16_t port = free_port();
  const Nginx nginx(shipped_file("docs/integrations/nginx.conf",
                                 {{"127.0.0.1:10188", local_address(guarded.rpoguard->gate_port())},
                                  {"127.0.0.1:8080", local_address(guarded.app.port())},
                                  {"127.0.0.1:8000", local_address(port)}}),
                    port);
  const Api api(port, "/shards/184/orders?priority=urgent");
  api.writes_become(200, nginx.log());
  EXPECT_EQ(api.status("POST"), 200);
  EXPECT_NE(guarded.app.last_request().find("Rpoguard-Epoch: 1\r\n"), std::string::npos)
      << guarded.app.last_request();
  EXPECT_NE(guarded.app.last_request().find("Rpoguard-Timeline: 1\r\n"), std::string::npos)
      << guarded.app.last_request();
  EXPECT_EQ(api.call("POST", {{"Rpoguard-Epoch", "2"}})->status, 503) << "another epoch";
  EXPECT_EQ(api.call("POST", {{"Rpoguard-Timeline", "2"}})->status, 503) << "another timeline";
  EXPECT_EQ(api.call("POST", {{"Rpoguard-Writer", "phx-a"}})->status, 503) << "another writer";
  EXPECT_EQ(api.call("POST", {{"Cookie", std::string(6000, 'c')}})->status, 200);

  guarded.shard.cut_wan();
  api.writes_become(503, nginx.log());
  const auto refusal = api.call("POST");
  ASSERT_TRUE(refusal);
  EXPECT_EQ(nlohmann::json::parse(refusal->body)["reason"], "rpo_exceeded");
  EXPECT_EQ(refusal->headers.at("rpoguard-reason"), "rpo_exceeded");
  EXPECT_GE(std::stoi(refusal->headers.at("retry-after")), 1);

  guarded.shard.heal_wan();
  api.writes_become(200, nginx.log());

  EXPECT_EQ(Api(port, "/orders").status("POST"), 503) << "for no shard";
  guarded.rpoguard->kill9();
  api.writes_become(503, nginx.log());
  EXPECT_EQ(api.call("POST")->headers.at("rpoguard-reason"), "unanswered");
  EXPECT_EQ(api.call("POST")->headers.at("retry-after"), "1");
}

// A refusal by the application itself is its own matter.
TEST(Integrations, nginx_passes_on_what_the_application_refuses) {
  GuardedShard guarded;
  const std::uint16_t port = free_port();
  const Nginx nginx(shipped_file("docs/integrations/nginx.conf",
                                 {{"127.0.0.1:10188", local_address(guarded.rpoguard->gate_port())},
                                  {"127.0.0.1:8080", local_address(guarded.app.port())},
                                  {"127.0.0.1:8000", local_address(port)}}),
                    port);
  const Api api(port, "/shards/184/orders");
  for (const char* line : {"403 Forbidden", "500 Internal Server Error"}) {
    guarded.app.say_status(line);
    EXPECT_EQ(api.status("POST"), std::stoi(line));
    EXPECT_EQ(api.status("GET"), std::stoi(line));
  }
}

class ShippedHaProxy : public ::testing::Test {
 protected:
  std::string config() {
    RegionPair& shard = guarded_.shard;
    return shipped_file("docs/integrations/haproxy.cfg",
                        {{"port 10188", "port " + std::to_string(guarded_.rpoguard->gate_port())},
                         {"agent-port 10189", "agent-port " + std::to_string(agent_)},
                         {"127.0.0.1:5000", local_address(writer_)},
                         {"127.0.0.1:5001", local_address(readers_)},
                         {"127.0.0.1:8000", local_address(api_)},
                         {"127.0.0.1:8080", local_address(guarded_.app.port())},
                         {"10.0.0.1:5432", local_address(shard.iad_a().port())},
                         {"10.0.0.2:5432", local_address(shard.iad_b().port())},
                         {"10.1.0.1:5432", local_address(shard.phx_a().port())}});
  }
  static Session connect(std::uint16_t port) {
    return Session("host=127.0.0.1 dbname=postgres user=postgres connect_timeout=5 port=" +
                   std::to_string(port));
  }
  /// Commits on a connection of its own; where it went, or nothing if it was refused.
  std::string committed_on() const {
    try {
      return connect(writer_)
          .value("insert into orders values (1); select current_setting('cluster_name')")
          .value();
    } catch (const SqlError&) {
      return "";
    }
  }
  bool commits_on(const std::string& node) const {
    return eventually(30s, [&] { return committed_on() == node; });
  }
  static bool is_down(const HaProxy& proxy, const std::string& server) {
    const std::string stat = proxy.command("show stat");
    const std::size_t row = stat.find("writer-184," + server + ",");
    return stat.substr(row, stat.find('\n', row) - row).find(",DOWN,") != std::string::npos;
  }
  static std::string trouble(const HaProxy& proxy) { return proxy.command("show servers state"); }

  std::uint16_t agent_ = free_port();
  std::uint16_t writer_ = free_port();
  std::uint16_t readers_ = free_port();
  std::uint16_t api_ = free_port();
  GuardedShard guarded_{agent_};
};

TEST_F(ShippedHaProxy, closes_the_writers_port_with_the_gate_and_follows_a_failover) {
  guarded_.shard.iad_a().exec("create table orders(n int)");
  const HaProxy proxy(config());
  const Api api(api_, "/orders");
  // HAProxy takes every server for up until it has looked at it.
  ASSERT_TRUE(eventually(30s, [&] { return is_down(proxy, "phx-a"); })) << trouble(proxy);
  ASSERT_TRUE(commits_on("iad-a")) << trouble(proxy);
  api.writes_become(200, trouble(proxy));
  Session client = connect(writer_);
  EXPECT_EQ(client.value("select current_setting('cluster_name')"), "iad-a");

  guarded_.shard.cut_wan();
  EXPECT_TRUE(commits_on("")) << trouble(proxy);
  EXPECT_THROW(client.rows("insert into orders values (2)"), SqlError) << "ended with the gate";
  api.writes_become(503, trouble(proxy));
  EXPECT_EQ(api.call("POST")->headers.at("retry-after"), "1");
  EXPECT_EQ(connect(readers_).value("select pg_is_in_recovery()"), "t");

  guarded_.shard.heal_wan();
  EXPECT_TRUE(commits_on("iad-a")) << trouble(proxy);
  api.writes_become(200, trouble(proxy));

  guarded_.shard.fail_over();
  EXPECT_TRUE(commits_on("phx-a")) << trouble(proxy);
  EXPECT_FALSE(guarded_.shard.iad_a().query("select pg_is_in_recovery()") == "t")
      << "the old writer still takes writes; HAProxy has none for it";

  guarded_.rpoguard->kill9();
  EXPECT_TRUE(commits_on("")) << trouble(proxy);
}

}  // namespace
}  // namespace rpoguard::test
