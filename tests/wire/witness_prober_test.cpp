#include "exporter/observe/outside/witness_prober.hpp"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/json_server.hpp"
#include "tests/support/ports.hpp"
#include "tests/wire/pg_probe_run.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

using core::ProbeError;
using core::ProbeFailure;
using core::WitnessFacts;
using core::WitnessObservation;
using observe::WitnessKind;

core::WitnessSpec witness(const std::string& url) {
  core::WitnessSpec spec;
  spec.url = url;
  spec.pointer = "/number";
  spec.interval = 100ms;
  spec.timeout = 80ms;
  return spec;
}

/// Shards with an epoch witness each, asked as long as run_until() is going on.
class WitnessRun {
 public:
  explicit WitnessRun(const std::vector<core::WitnessSpec>& witnesses) {
    auto spec = std::make_shared<core::Spec>();
    for (const core::WitnessSpec& each : witnesses) {
      core::ShardSpec shard;
      shard.epoch_witness = each;
      spec->shards.push_back(shard);
    }
    start(std::move(spec));
  }
  explicit WitnessRun(std::shared_ptr<const core::Spec> spec) { start(std::move(spec)); }

  const std::vector<WitnessObservation>& of(std::size_t shard,
                                            WitnessKind kind = WitnessKind::epoch) {
    return seen_[{shard, kind}];
  }
  /// The outcome of the next request that begins from now on.
  WitnessObservation next(std::size_t shard = 0) {
    const core::Instant now = clock_.now();
    auto& seen = seen_[{shard, WitnessKind::epoch}];
    seen.clear();
    EXPECT_TRUE(run_until(loop_, 20s, [&] { return !seen.empty() && seen.back().asked >= now; }));
    return seen.back();
  }
  ProbeError next_error(std::size_t shard = 0) {
    const WitnessObservation observation = next(shard);
    const auto* error = std::get_if<ProbeError>(&observation.outcome);
    EXPECT_NE(error, nullptr);
    return error == nullptr ? ProbeError{} : *error;
  }
  void stop() { prober_.reset(); }
  asio::io_context& loop() { return loop_; }

  std::map<std::string, std::string> tokens;  ///< by file

 private:
  void start(std::shared_ptr<const core::Spec> spec) {
    prober_ = std::make_unique<observe::WitnessProber>(
        loop_, std::move(spec), clock_,
        [this](const core::PasswordSource& source) -> base::Result<std::string> {
          const auto token = tokens.find(source.file);
          if (token == tokens.end()) return base::Error{"cannot read " + source.file, ""};
          return token->second;
        },
        [this](std::size_t shard, WitnessKind kind, WitnessObservation observation) {
          seen_[{shard, kind}].push_back(std::move(observation));
        });
    prober_->start();
  }

  BootTimeClock clock_;
  asio::io_context loop_;
  std::map<std::pair<std::size_t, WitnessKind>, std::vector<WitnessObservation>> seen_;
  std::unique_ptr<observe::WitnessProber> prober_;
};

std::int64_t number_of(const WitnessObservation& observation) {
  const auto* facts = std::get_if<WitnessFacts>(&observation.outcome);
  return facts == nullptr ? -1 : facts->number;
}

TEST(WitnessProber, asks_again_each_interval_and_stamps_the_answer) {
  JsonServer server(R"({"number":7})");
  auto slow = witness(server.url());
  slow.timeout = 5s;
  slow.interval = 100ms;
  WitnessRun run({slow});
  const WitnessObservation first = run.next();
  EXPECT_EQ(number_of(first), 7);
  EXPECT_GE(first.answered, first.asked);
  server.say(R"({"number":8})");
  EXPECT_EQ(number_of(run.next()), 8);
  EXPECT_TRUE(run_until(run.loop(), 20s, [&] { return run.of(0).size() >= 5; }));
}

TEST(WitnessProber, asks_both_witnesses_of_each_shard) {
  const JsonServer epochs(R"({"number":7,"writer":"iad"})");
  const JsonServer generations(R"({"number":12})");
  auto spec = std::make_shared<core::Spec>();
  spec->shards.resize(2);
  spec->shards[1].epoch_witness = witness(epochs.url());
  spec->shards[1].epoch_witness->writer_pointer = "/writer";
  spec->shards[1].generation_witness = witness(generations.url());
  for (auto* each : {&spec->shards[1].epoch_witness, &spec->shards[1].generation_witness})
    (*each)->timeout = 5s;
  WitnessRun run(spec);
  ASSERT_TRUE(run_until(run.loop(), 20s, [&] {
    return !run.of(1).empty() && !run.of(1, WitnessKind::generation).empty();
  }));
  EXPECT_EQ(number_of(run.of(1).front()), 7);
  EXPECT_EQ(std::get<WitnessFacts>(run.of(1).front().outcome).writer, "iad");
  EXPECT_EQ(number_of(run.of(1, WitnessKind::generation).front()), 12);
  EXPECT_TRUE(run.of(0).empty());
}

TEST(WitnessProber, a_silent_one_times_out_and_delays_no_other) {
  JsonServer hung("");
  hung.fall_silent();
  const JsonServer fine(R"({"number":7})");
  std::vector<core::WitnessSpec> witnesses(12, witness(hung.url()));
  witnesses.push_back(witness(fine.url()));
  witnesses.back().timeout = 5s;
  WitnessRun run(witnesses);
  // Three rounds of time-outs, in which the other one goes on answering.
  ASSERT_TRUE(run_until(run.loop(), 30s, [&] { return run.of(11).size() >= 3; }));
  for (const WitnessObservation& each : run.of(11)) {
    ASSERT_TRUE(std::holds_alternative<ProbeError>(each.outcome));
    EXPECT_EQ(std::get<ProbeError>(each.outcome).reason, ProbeFailure::timeout);
    EXPECT_LT(each.answered - each.asked, 2s);
  }
  ASSERT_GE(run.of(12).size(), 2U);
  for (const WitnessObservation& each : run.of(12)) EXPECT_EQ(number_of(each), 7);
}

TEST(WitnessProber, says_why_there_is_no_answer) {
  JsonServer server("garbage");
  const auto patient = [](const std::string& url) {
    core::WitnessSpec spec = witness(url);
    spec.timeout = 5s;
    return spec;
  };
  WitnessRun run({patient(server.url()),
                  patient("http://127.0.0.1:" + std::to_string(free_port()) + "/"),
                  patient("http://no-such-name.invalid/"),
                  patient("https://127.0.0.1:" + std::to_string(server.port()) + "/"),
                  patient("http://user:secret@host/")});
  EXPECT_EQ(run.next_error(0).reason, ProbeFailure::bad_answer);
  server.say_status("503 Service Unavailable");
  EXPECT_EQ(run.next_error(0).reason, ProbeFailure::query_failed);
  server.say_status("302 Found");
  EXPECT_EQ(run.next_error(0).reason, ProbeFailure::query_failed);
  server.say(R"({"number":7,"more":")" + std::string(70'000, 'x') + "\"}");
  EXPECT_EQ(run.next_error(0).message, "the answer is too large");
  EXPECT_EQ(run.next_error(1).reason, ProbeFailure::unreachable);
  const ProbeError unknown_name = run.next_error(2);
  EXPECT_TRUE(unknown_name.reason == ProbeFailure::dns_failed ||
              unknown_name.reason == ProbeFailure::timeout)
      << unknown_name.message;
  EXPECT_EQ(run.next_error(3).reason, ProbeFailure::tls_failed);
  const ProbeError with_password = run.next_error(4);
  EXPECT_EQ(with_password.reason, ProbeFailure::bad_answer);
  EXPECT_EQ(with_password.message.find("secret"), std::string::npos);
}

TEST(WitnessProber, reads_the_token_at_each_request_and_repeats_it_nowhere) {
  JsonServer server(R"({"number":7})");
  core::WitnessSpec spec = witness(server.url());
  spec.timeout = 5s;
  spec.token_file = "/run/token";
  WitnessRun run({spec});
  const ProbeError missing = run.next_error();
  EXPECT_EQ(missing.reason, ProbeFailure::auth_failed);
  EXPECT_EQ(missing.message, "cannot read /run/token");
  EXPECT_EQ(server.requests(), 0) << "without its token it is not asked";
}

TEST(WitnessProber, sends_the_token_of_the_moment) {
  JsonServer server(R"({"number":7})");
  core::WitnessSpec spec = witness(server.url());
  spec.timeout = 5s;
  spec.token_file = "/run/token";
  WitnessRun run({spec});
  run.tokens["/run/token"] = "first";  // before the loop runs
  run.next();
  EXPECT_NE(server.last_request().find("Authorization: Bearer first\r\n"), std::string::npos);
}

TEST(WitnessProber, says_nothing_after_it_is_gone) {
  JsonServer server("");
  server.fall_silent();
  core::WitnessSpec spec = witness(server.url());
  spec.timeout = 10s;
  WitnessRun run({spec});
  ASSERT_TRUE(run_until(run.loop(), 20s, [&] { return server.requests() > 0; }));
  run.stop();
  server.say(R"({"number":7})");
  run.loop().restart();
  run.loop().run_for(100ms);
  EXPECT_TRUE(run.of(0).empty());
}

}  // namespace
}  // namespace rpoguard::test
