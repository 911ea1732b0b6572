// A team tries the gate in shadow mode: what it counts is what enforcing would have refused.
#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/wire/http_socket.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr int kClients = 16;
constexpr int kShadowRounds = 50;

/// What the clients of one shard were told, and how many of those answers enforcing refuses.
struct Answers {
  std::atomic<int> open{0};
  std::atomic<int> refused{0};
};

// In either dialect, over one kept connection.
void ask_as_one_client(std::uint16_t port, const std::string& shard, Answers& answers) {
  const http::HttpSocket socket(port);
  for (int round = 0; round < kShadowRounds; ++round) {
    const std::string path = round % 2 == 0 ? "/gate/" : "/authz/";
    // No writer has ever had this epoch: such a caller is refused while others are let in.
    const std::string query = round % 5 == 0 ? "?epoch=999" : "";
    std::string answer;
    ASSERT_TRUE(socket.send("GET " + path + shard + query + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    ASSERT_TRUE(socket.read_until("}\n", answer));
    ++(answer.starts_with("HTTP/1.1 200 ") ? answers.open : answers.refused);
  }
}

void ask_as_many(std::uint16_t port, const std::string& shard, Answers& answers) {
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i)
    clients.emplace_back([&] { ask_as_one_client(port, shard, answers); });
  for (std::thread& client : clients) client.join();
}

class Shadow : public ::testing::Test {
 protected:
  double count(const std::string& shard, const std::string& decision) const {
    return rpoguard_
        ->metric("rpoguard_gate_checks_total", {{"shard", shard}, {"decision", decision}})
        .value_or(-1);
  }
  double denials(const std::string& shard) const {
    return rpoguard_->metric("rpoguard_gate_shadow_denials_total", {{"shard", shard}}).value_or(-1);
  }

  /// All clients of both shards at once, while both gates stand in the same state.
  void expect_shadow_to_count_what_enforce_refuses() {
    const double denied = denials("shadow");
    const double closed = count("enforce", "closed");
    const double let_in = count("shadow", "open");
    Answers enforce;
    Answers shadow;
    std::thread other([&] { ask_as_many(rpoguard_->gate_port(), "shadow", shadow); });
    ask_as_many(rpoguard_->gate_port(), "enforce", enforce);
    other.join();
    EXPECT_EQ(shadow.open, kClients * kShadowRounds);
    EXPECT_EQ(shadow.refused, 0);
    EXPECT_GT(enforce.refused, 0);
    EXPECT_EQ(denials("shadow") - denied, enforce.refused);
    EXPECT_EQ(count("enforce", "closed") - closed, enforce.refused);
    EXPECT_EQ(count("shadow", "open") - let_in, shadow.open);
    EXPECT_EQ(count("shadow", "closed"), 0);
    EXPECT_EQ(denials("enforce"), 0);
    std::printf("%d of %d refused\n", enforce.refused.load(), kClients * kShadowRounds);
  }

  RegionPair shard_;
  std::unique_ptr<Rpoguard> rpoguard_;
};

TEST_F(Shadow, counts_exactly_what_enforce_would_have_refused) {
  RpoguardConfig config = RegionPair::rpoguard_config({&shard_});
  config.shards.push_back(config.shards.front());
  config.shards[0].id = "enforce";
  config.shards[1].id = "shadow";
  config.shards[1].extra = "gate: {mode: shadow}";
  rpoguard_ = std::make_unique<Rpoguard>(config);
  rpoguard_->wait_until_serving();
  const auto both = [&](const char* reason) {
    return eventually(60s, [&] {
      const auto says = [&](const char* shard) {
        return rpoguard_->metric("rpoguard_gate_reason", {{"shard", shard}, {"reason", reason}});
      };
      return says("enforce") == 1 && says("shadow") == 1;
    });
  };
  const auto both_open = [&] {
    const Metrics page = rpoguard_->metrics();
    for (const Sample& each : page.all("rpoguard_gate_reason"))
      if (each.value != 0) return false;
    return true;
  };
  ASSERT_TRUE(eventually(60s, both_open)) << rpoguard_->log();
  expect_shadow_to_count_what_enforce_refuses();
  shard_.cut_wan();
  ASSERT_TRUE(both("rpo_exceeded")) << rpoguard_->log();
  expect_shadow_to_count_what_enforce_refuses();
  shard_.iad_a().stop("immediate");
  ASSERT_TRUE(both("no_writer")) << rpoguard_->log();
  expect_shadow_to_count_what_enforce_refuses();
}

}  // namespace
}  // namespace rpoguard::test
