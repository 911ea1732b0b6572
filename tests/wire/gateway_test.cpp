// The gateway against a fake gate and real PostgreSQL: it writes only under a lease, and what it
// says it has acknowledged is there.
#include "demo/tools/gateway.hpp"

#include <algorithm>
#include <set>

#include "tests/support/eventually.hpp"
#include "tests/support/server.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/wire/fake_gate.hpp"

namespace rpoguard::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::closed_gate;
using test::eventually;
using test::FakeGate;
using test::holds_for;
using test::open_gate;
using test::Server;

constexpr auto kPatience = seconds(30);

std::unique_ptr<Server> ledger_server(const std::string& name) {
  auto server = Server::create({.name = name});
  server->start();
  server->exec(kLedgerSql);
  return server;
}

class GatewayTest : public testing::Test {
 protected:
  GatewayOptions options() const {
    GatewayOptions options;
    options.shard = "184";
    options.gate = gate_.address();
    options.nodes = {{"iad-a", {"127.0.0.1", writer_->port()}}};
    options.rate = 200;
    options.backoff_max = milliseconds(50);
    return options;
  }

  static bool acks(const Gateway& gateway, std::uint64_t more) {
    const std::uint64_t target = gateway.counters().acked + more;
    return eventually(kPatience, [&] { return gateway.counters().acked >= target; });
  }

  /// The ledger holds every acknowledged token; how many it holds in all.
  static std::int64_t check_ledger(const Server& server, const std::vector<Commit>& commits) {
    std::set<std::int64_t> stored;
    for (const auto& row : server.connect().rows("select token from ledger")) {
      stored.insert(std::stoll(row.at(0).value_or("")));
    }
    std::set<std::int64_t> told;
    for (const Commit& commit : commits) {
      EXPECT_TRUE(stored.contains(commit.token)) << commit.token << " is lost";
      EXPECT_TRUE(told.insert(commit.token).second) << commit.token << " was told twice";
      EXPECT_LT(commit.sent, commit.acked);
    }
    return static_cast<std::int64_t>(stored.size());
  }

  std::unique_ptr<Server> writer_ = ledger_server("iad-a");
  FakeGate gate_{open_gate("iad-a", 1, 60'000)};
};

TEST_F(GatewayTest, every_acknowledged_token_is_in_the_ledger_and_in_the_log) {
  const test::TempDir dir;
  GatewayOptions with_log = options();
  with_log.log_file = dir / "commits";
  Gateway gateway(with_log);
  gateway.start();
  EXPECT_TRUE(acks(gateway, 40));
  gateway.stop();
  const std::vector<Commit> commits = gateway.commits();
  EXPECT_EQ(gateway.counters().acked, commits.size());
  EXPECT_EQ(gateway.counters().refused, 0U);
  EXPECT_EQ(gateway.writer(), "iad-a");
  EXPECT_GE(check_ledger(*writer_, commits), 40);
  const std::string log = test::read_file(with_log.log_file);
  EXPECT_EQ(static_cast<std::size_t>(std::count(log.begin(), log.end(), '\n')), commits.size());
  EXPECT_EQ(log.rfind(std::to_string(commits.front().token) + " ", 0), 0U);
}

TEST_F(GatewayTest, closed_gate_stops_writes_and_opening_resumes_them) {
  Gateway gateway(options());
  gateway.start();
  EXPECT_TRUE(acks(gateway, 5));
  gate_.say(closed_gate("rpo_exceeded", 1));
  EXPECT_TRUE(eventually(kPatience, [&] { return gateway.counters().refused > 20; }));
  const std::uint64_t acked = gateway.counters().acked;
  EXPECT_EQ(gateway.trouble(), "rpo_exceeded");
  EXPECT_TRUE(holds_for(milliseconds(300), [&] { return gateway.counters().acked == acked; }));
  gate_.say(open_gate("iad-a", 1, 60'000));
  EXPECT_TRUE(acks(gateway, 5));
  EXPECT_EQ(gateway.counters().unanswered, 0U);
}

TEST_F(GatewayTest, no_answer_is_a_closed_gate_once_the_lease_has_run_out) {
  gate_.say(open_gate("iad-a", 1, 100));
  GatewayOptions impatient = options();
  impatient.gate_timeout = milliseconds(100);
  Gateway gateway(impatient);
  gateway.start();
  EXPECT_TRUE(acks(gateway, 5));
  gate_.say({.silent = true});
  EXPECT_TRUE(eventually(kPatience, [&] { return gateway.counters().unanswered > 4; }));
  const std::uint64_t acked = gateway.counters().acked;
  EXPECT_TRUE(holds_for(milliseconds(300), [&] { return gateway.counters().acked == acked; }));
  EXPECT_GT(gateway.counters().refused, 0U);
}

TEST_F(GatewayTest, lease_is_reused_and_never_beyond_its_end) {
  gate_.say(open_gate("iad-a", 1, 50));
  Gateway gateway(options());
  gateway.start();
  EXPECT_TRUE(acks(gateway, 60));
  const GatewayCounters counters = gateway.counters();
  EXPECT_GT(counters.gate_asked, 2U) << "a lease of 50 ms cannot cover 300 ms of writes";
  EXPECT_LT(counters.gate_asked, counters.acked) << "the lease is not reused";
}

TEST_F(GatewayTest, writes_move_to_the_writer_that_the_gate_names) {
  const auto second = ledger_server("phx-a");
  GatewayOptions both = options();
  both.nodes["phx-a"] = {"127.0.0.1", second->port()};
  Gateway gateway(both);
  gateway.start();
  EXPECT_TRUE(acks(gateway, 5));
  // A promotion: the gate now refuses the epoch that the gateway routes by.
  gate_.say(open_gate("phx-a", 2, 60'000));
  gate_.require_epoch(2);
  EXPECT_TRUE(eventually(kPatience, [&] { return gateway.writer() == "phx-a"; }));
  EXPECT_TRUE(acks(gateway, 5));
  gateway.stop();
  std::vector<Commit> moved = gateway.commits();
  std::erase_if(moved, [](const Commit& commit) { return commit.node != "phx-a"; });
  EXPECT_FALSE(moved.empty());
  check_ledger(*second, moved);
}

TEST_F(GatewayTest, unknown_writer_is_a_failure_not_a_guess) {
  gate_.say(open_gate("lax-a", 1, 60'000));
  Gateway gateway(options());
  gateway.start();
  EXPECT_TRUE(eventually(kPatience, [&] { return gateway.counters().failed > 3; }));
  EXPECT_EQ(gateway.counters().acked, 0U);
  EXPECT_NE(gateway.trouble().find("lax-a"), std::string::npos);
}

TEST_F(GatewayTest, commit_that_outlives_its_lease_is_not_acknowledged_until_the_gate_opens_again) {
  writer_->exec(
      "create function slow() returns trigger language plpgsql as "
      "$$begin perform pg_sleep(1); return new; end$$; "
      "create trigger slow before insert on ledger for each row execute function slow()");
  gate_.say(open_gate("iad-a", 1, 150));
  GatewayOptions single = options();
  single.workers = 1;
  single.write_timeout = seconds(10);
  Gateway gateway(single);
  gateway.start();
  EXPECT_TRUE(eventually(kPatience, [&] {
    return writer_->query("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") ==
           "1";
  }));
  gate_.say(closed_gate("rpo_exceeded", 1));
  EXPECT_TRUE(writer_->becomes("select count(*) from ledger", "1"));
  EXPECT_TRUE(eventually(kPatience, [&] { return gateway.counters().refused > 0; }));
  EXPECT_EQ(gateway.counters().acked, 0U) << "told although the lease had run out";
  writer_->exec("drop trigger slow on ledger");
  gate_.say(open_gate("iad-a", 1, 60'000));
  EXPECT_TRUE(acks(gateway, 3));
  gateway.stop();
  EXPECT_EQ(check_ledger(*writer_, gateway.commits()),
            static_cast<std::int64_t>(gateway.counters().acked))
      << "the retry has written its token twice";
}

TEST_F(GatewayTest, killed_writer_loses_no_acknowledged_token_and_gets_none_twice) {
  Gateway gateway(options());
  gateway.start();
  EXPECT_TRUE(acks(gateway, 20));
  writer_->kill9();
  EXPECT_TRUE(eventually(kPatience, [&] { return gateway.counters().failed > 0; }));
  writer_->start();
  EXPECT_TRUE(acks(gateway, 20));
  gateway.stop();
  check_ledger(*writer_, gateway.commits());
}

TEST_F(GatewayTest, hung_writer_fails_writes_and_does_not_hold_up_stop) {
  GatewayOptions hasty = options();
  hasty.write_timeout = milliseconds(300);
  Gateway gateway(hasty);
  gateway.start();
  EXPECT_TRUE(acks(gateway, 5));
  writer_->sigstop();
  EXPECT_TRUE(eventually(kPatience, [&] { return gateway.counters().failed > 0; }));
  EXPECT_EQ(gateway.trouble(), "no answer in time");
  const auto before = boot_now();
  gateway.stop();
  EXPECT_LT(boot_now() - before, seconds(5));
  writer_->sigcont();
}

TEST_F(GatewayTest, rate_is_kept_changed_and_paused) {
  GatewayOptions slow = options();
  slow.rate = 40;
  Gateway gateway(slow);
  const auto before = boot_now();
  gateway.start();
  EXPECT_TRUE(acks(gateway, 20));
  EXPECT_GE(boot_now() - before, milliseconds(350)) << "20 writes at 40/s are due within 0.5 s";
  gateway.set_rate(0);
  std::uint64_t acked = 0;
  EXPECT_TRUE(eventually(kPatience, [&] {
    acked = gateway.counters().acked;
    return holds_for(milliseconds(200), [&] { return gateway.counters().acked == acked; });
  }));
  gateway.set_rate(1000);
  EXPECT_TRUE(acks(gateway, 20));
}

TEST_F(GatewayTest, ungated_gateway_never_asks) {
  gate_.say(closed_gate("frozen", 1));
  GatewayOptions ungated = options();
  ungated.ungated_writer = "iad-a";
  Gateway gateway(ungated);
  gateway.start();
  EXPECT_TRUE(acks(gateway, 10));
  gateway.stop();
  EXPECT_TRUE(gate_.requests().empty());
  EXPECT_EQ(gateway.counters().gate_asked, 0U);
  check_ledger(*writer_, gateway.commits());
}

}  // namespace
}  // namespace rpoguard::demo
