// A gateway keeps its connection to the gate while the configuration changes under it.
#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/wire/http_socket.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// One connection; whoever loses it fails the test.
class Kept {
 public:
  explicit Kept(std::uint16_t port) : socket_(port) {}
  /// Status and body of the next answer.
  std::string ask(const std::string& shard) const {
    std::string answer;
    EXPECT_TRUE(socket_.send("GET /gate/" + shard + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_TRUE(socket_.read_until("}\n", answer)) << "the connection has ended";
    constexpr std::size_t kStatusAt = 9;
    return answer.substr(kStatusAt, 4) + answer.substr(answer.find("\r\n\r\n") + 4);
  }
  bool open(const std::string& shard) const { return ask(shard).starts_with("200 "); }
  bool promises(const std::string& rpo) const {
    return ask("184").find("\"rpo_seconds\":" + rpo + "}") != std::string::npos;
  }

 private:
  http::HttpSocket socket_;
};

TEST(GateReload, a_kept_connection_goes_on_and_follows_the_configuration) {
  RegionPair shard;
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  Rpoguard rpoguard(config);
  rpoguard.wait_until_serving();
  const Kept gateway(rpoguard.gate_port());
  ASSERT_TRUE(eventually(30s, [&] { return gateway.open("184"); })) << rpoguard.log();
  EXPECT_TRUE(gateway.promises("5"));

  RpoguardConfig next = config;
  next.rpo = "7s";
  rpoguard.write_config(next);
  rpoguard.sighup();
  EXPECT_TRUE(eventually(20s, [&] {
    EXPECT_TRUE(gateway.open("184")) << "no gap: what was proven stays proven";
    return gateway.promises("7");
  })) << rpoguard.log();

  write_file(rpoguard.config_path(), "shards: [");
  rpoguard.sighup();
  EXPECT_TRUE(eventually(20s, [&] {
    EXPECT_TRUE(gateway.open("184"));
    return rpoguard.metric("rpoguard_config_last_reload_successful") == 0;
  })) << rpoguard.log();
  EXPECT_TRUE(gateway.promises("7"));

  next.shards.front().id = "185";
  rpoguard.write_config(next);
  rpoguard.sighup();
  EXPECT_TRUE(eventually(20s, [&] { return gateway.ask("184").starts_with("404 "); }));
  EXPECT_TRUE(eventually(30s, [&] { return gateway.open("185"); })) << rpoguard.log();
}

}  // namespace
}  // namespace rpoguard::test
