// Who the writer is, on real servers: a returned old writer's divergence against PostgreSQL's own
// tools, a split brain that a restart must not forget, and witnesses over HTTP.
#include <regex>

#include <gtest/gtest.h>

#include "exporter/core/model/timeline_history.hpp"

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

nlohmann::json node_view(const Rpoguard& rpoguard, const std::string& name) {
  const auto view = rpoguard.ops_json("/api/v1/view");
  for (const auto& shard : view.at("shards")) {
    for (const auto& node : shard.at("nodes")) {
      if (node.at("name") == name) return node;
    }
  }
  throw std::runtime_error("no node " + name);
}

std::string state_of(const Rpoguard& rpoguard, const std::string& name) {
  return node_view(rpoguard, name).at("state");
}

struct Divergence {
  core::Lsn fork;
  std::int64_t bytes = 0;
  friend bool operator==(const Divergence&, const Divergence&) = default;
};

std::ostream& operator<<(std::ostream& out, const Divergence& divergence) {
  return out << divergence.bytes << " bytes from " << core::render_lsn(divergence.fork);
}

/// What rpoguard says of the node.
std::optional<Divergence> reported(const Rpoguard& rpoguard, const std::string& name) {
  const std::string note = node_view(rpoguard, name).at("lineage_note");
  std::smatch match;
  const std::regex form("its WAL leaves the writer's at (\\S+) and goes on for ([0-9]+) bytes");
  if (!std::regex_search(note, match, form)) return std::nullopt;
  return Divergence{*core::parse_lsn(match[1].str()), std::stoll(match[2].str())};
}

/// Where the new writer left timeline 1, by its own .history file.
core::Lsn switch_point(const Server& writer) {
  const auto history =
      core::parse_timeline_history(read_file(writer.data_dir() + "/pg_wal/00000002.history"));
  if (!history || history->steps.empty()) throw std::runtime_error("no history");
  return history->steps.back().end;
}

/// Where pg_waldump finds that the server's timeline 1 ends, reading on from `from`. Absent while
/// the last record is not on disk as a whole.
std::optional<core::Lsn> end_of_wal(const Server& server, core::Lsn from) {
  const CommandResult dump =
      run_command({.argv = {postgres_bindir() + "/pg_waldump", "-p", server.data_dir() + "/pg_wal",
                            "-t", "1", "-q", "-s", core::render_lsn(from)}});
  std::smatch match;
  const std::regex form("error in WAL record at \\S+: .* at ([0-9A-F]+/[0-9A-F]+)");
  if (!std::regex_search(dump.output, match, form)) return std::nullopt;
  return core::parse_lsn(match[1].str());
}

/// Where pg_rewind says that the stopped server parted from the writer.
std::string rewind_point(const Server& stopped, const Server& writer) {
  const CommandResult rewind =
      run_command({.argv = {postgres_bindir() + "/pg_rewind", "--dry-run", "-D", stopped.data_dir(),
                            "--source-server", writer.conninfo()},
                   .user = unprivileged_user(),
                   .directory = "/"});
  std::smatch match;
  const std::regex form("servers diverged at WAL location ([0-9A-F/]+) on timeline 1");
  if (!std::regex_search(rewind.output, match, form)) return rewind.output;
  return match[1].str();
}

TEST(Epoch, a_returned_old_writer_has_diverged_by_what_postgresqls_own_tools_show) {
  RegionPair shard("184", {.conf = {{"wal_log_hints", "on"}}});
  Rpoguard rpoguard(RegionPair::rpoguard_config({&shard}));
  ASSERT_TRUE(starts_open(rpoguard));

  shard.cut_wan();
  shard.iad_a().exec("create table only_here as select generate_series(1, 1000) as n");
  shard.iad_a().kill9();
  shard.iad_b().kill9();
  shard.heal_wan();
  shard.fail_over();
  ASSERT_TRUE(opens(rpoguard));

  shard.iad_a().start();
  ASSERT_TRUE(eventually(20s, [&] { return state_of(rpoguard, "iad-a") == "stale_writer"; }))
      << rpoguard.log();
  const core::Lsn fork = switch_point(shard.phx_a());
  Divergence expected{fork};
  std::optional<Divergence> said;
  // All that it has written is on disk; what it writes of its own from now on is looked at again.
  shard.iad_a().exec("checkpoint");
  EXPECT_TRUE(eventually(30s,
                         [&] {
                           const auto end = end_of_wal(shard.iad_a(), fork);
                           if (!end) return false;
                           expected.bytes = core::bytes_between(fork, *end);
                           said = reported(rpoguard, "iad-a");
                           return said == expected;
                         }))
      << "said " << said.value_or(Divergence{}) << ", pg_waldump " << expected;
  EXPECT_GT(expected.bytes, 30'000) << "a table of 1000 rows at least";
  EXPECT_TRUE(rpoguard.gate_open("184")) << "the new writer's gate does not mind";
  EXPECT_NE(rpoguard.log().find("msg=\"node has diverged\""), std::string::npos);
  std::printf("divergence: rpoguard %lld bytes, pg_waldump %lld bytes, from %s\n",
              static_cast<long long>(said.value_or(Divergence{}).bytes),
              static_cast<long long>(expected.bytes), core::render_lsn(fork).c_str());

  // pg_rewind takes the new writer's timeline from its last checkpoint.
  shard.phx_a().exec("checkpoint");
  shard.iad_a().stop();
  EXPECT_EQ(rewind_point(shard.iad_a(), shard.phx_a()), core::render_lsn(said->fork));
}

class SplitBrain : public ::testing::TestWithParam<const char*> {};

TEST_P(SplitBrain, is_not_forgotten_by_a_restart_that_reaches_only_one_of_the_two) {
  RegionPair shard;
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.epoch_source = GetParam();
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.phx_a().promote();
  ASSERT_TRUE(eventually(10s, [&] { return rpoguard.gate_reason("184") == "split_brain"; }))
      << rpoguard.log();

  rpoguard.kill9();
  shard.cut_wan();
  rpoguard.start();
  rpoguard.wait_until_serving();
  ASSERT_TRUE(eventually(10s, [&] { return rpoguard.gate_reason("184") == "split_brain"; }))
      << rpoguard.log();
  EXPECT_TRUE(holds_for(3s, [&] { return rpoguard.gate_reason("184") == "split_brain"; }))
      << rpoguard.log();
  EXPECT_EQ(state_of(rpoguard, "phx-a"), "unreachable");

  // Once the other is a standby again there is one writer.
  shard.heal_wan();
  shard.phx_a().reseed({.port = shard.iad_a().port(), .application_name = "phx-a"});
  ASSERT_TRUE(opens(rpoguard));
  EXPECT_EQ(state_of(rpoguard, "iad-a"), "writer");
}

INSTANTIATE_TEST_SUITE_P(Source, SplitBrain, ::testing::Values("table", "timeline"),
                         [](const auto& source) { return std::string(source.param); });

/// Answers of an authority, asked five times a second and good for one second.
struct Authority {
  JsonServer server{answer(7, "iad-a")};

  static std::string answer(int epoch, const std::string& writer) {
    return R"({"shards":{"184":{"epoch":)" + std::to_string(epoch) + R"(,"writer":")" + writer +
           R"("}}})";
  }
  std::string source() const {
    return "http, url: \"" + server.url("/map") +
           "\", pointer: /shards/184/epoch, writer_pointer: /shards/184/writer";
  }
};

constexpr const char* kWitnessTiming = "witness: {interval: 300ms, timeout: 250ms, ttl: 1s}\n";

TEST(EpochAuthority, confirms_the_writer_for_as_long_as_it_answers_and_never_goes_back) {
  RegionPair shard;
  Authority authority;
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.epoch_source = authority.source();
  config.defaults = kWitnessTiming;
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  EXPECT_EQ(rpoguard.metric("rpoguard_highest_epoch", {{"shard", "184"}}), 7);

  const auto closes = [&](const char* why) {
    EXPECT_TRUE(eventually(10s, [&] { return rpoguard.gate_reason("184") == "stale_epoch"; }))
        << why << ": " << rpoguard.log();
    EXPECT_TRUE(eventually(5s, [&] { return state_of(rpoguard, "iad-a") == "unconfirmed"; }))
        << why;
  };
  authority.server.fall_silent();
  closes("silent");
  authority.server.say(Authority::answer(7, "iad-a"));
  ASSERT_TRUE(opens(rpoguard));
  authority.server.say("it is iad-a, believe me");
  closes("garbage");
  authority.server.say(Authority::answer(7, "iad-a"));
  ASSERT_TRUE(opens(rpoguard));
  authority.server.say(Authority::answer(6, "iad-a"));
  closes("lower number");
  rpoguard.kill9();
  rpoguard.start();
  rpoguard.wait_until_serving();
  closes("lower number after a restart");
  authority.server.say(Authority::answer(7, "iad-a"));
  ASSERT_TRUE(opens(rpoguard));
  EXPECT_NE(rpoguard.log().find("witness does not answer"), std::string::npos);
}

TEST(EpochAuthority, moves_the_writer_and_calls_the_old_one_stale) {
  RegionPair shard;
  Authority authority;
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.epoch_source = authority.source();
  config.defaults = kWitnessTiming;
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  shard.phx_a().promote();
  ASSERT_TRUE(eventually(10s, [&] { return state_of(rpoguard, "phx-a") == "stale_writer"; }))
      << rpoguard.log();
  EXPECT_EQ(state_of(rpoguard, "iad-a"), "writer");
  authority.server.say(Authority::answer(8, "phx"));
  ASSERT_TRUE(eventually(10s, [&] { return state_of(rpoguard, "phx-a") == "writer"; }))
      << rpoguard.log();
  EXPECT_EQ(state_of(rpoguard, "iad-a"), "stale_writer");
  ASSERT_TRUE(opens(rpoguard));
  EXPECT_EQ(rpoguard.gate("/gate/184")->headers.at("rpoguard-writer"), "phx-a");
}

TEST(Generation, fences_callers_with_another_shard_map) {
  RegionPair shard;
  JsonServer map(R"({"generation":12})");
  RpoguardConfig config = RegionPair::rpoguard_config({&shard});
  config.defaults =
      kWitnessTiming + ("generation: {url: \"" + map.url() + "\", pointer: /generation}\n");
  Rpoguard rpoguard(config);
  ASSERT_TRUE(starts_open(rpoguard));
  const auto answer = [&](int generation) {
    const auto reply = rpoguard.gate("/gate/184?generation=" + std::to_string(generation));
    if (reply->status == 200) return std::string("open");
    return reply->headers.at("rpoguard-reason");
  };
  EXPECT_TRUE(eventually(10s, [&] { return answer(12) == "open"; })) << rpoguard.log();
  EXPECT_EQ(answer(11), "stale_generation");
  EXPECT_EQ(answer(13), "stale_generation");
  map.say(R"({"generation":13})");
  EXPECT_TRUE(eventually(10s, [&] { return answer(13) == "open"; })) << rpoguard.log();
  EXPECT_EQ(answer(12), "stale_generation");
  // A replica that lags answers: nobody knows the generation, and callers that name none go on.
  map.say(R"({"generation":12})");
  EXPECT_TRUE(eventually(10s, [&] { return answer(13) == "stale_generation"; }));
  EXPECT_EQ(answer(12), "stale_generation");
  EXPECT_TRUE(rpoguard.gate_open("184"));
}

}  // namespace
}  // namespace rpoguard::test
