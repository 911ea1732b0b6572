// A split brain on real servers in which one of the two cannot be reached any more and goes on
// taking writes; and `rpoguard forget-rival`.
#include <csignal>

#include <gtest/gtest.h>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/open_gate.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// phx-a is promoted beside iad-a, and rpoguard reaches it over a way that can refuse. phx-b
/// replicates from iad-a, so nothing else keeps the gate of iad-a closed.
class Rivals {
 public:
  explicit Rivals(const std::string& epoch_source) {
    pair_.iad_a().exec("create table payments (n int)");
    Server& phx_b = pair_.cluster().add_standby({.name = "phx-b"});
    way_ = std::make_unique<demo::Link>(demo::LinkOptions{.target_port = phx_a().port()});
    RpoguardConfig config = RegionPair::rpoguard_config({&pair_});
    config.epoch_source = epoch_source;
    config.probe_interval = "500ms";
    config.probe_timeout = "400ms";
    auto& nodes = config.shards.at(0).nodes;
    nodes.at(2).port = way_->port();
    nodes.push_back({.name = "phx-b", .region = "phx", .port = phx_b.port()});
    rpoguard_ = std::make_unique<Rpoguard>(config);
    if (!starts_open(*rpoguard_)) throw std::runtime_error(rpoguard_->log());
    phx_a().promote();
    if (!eventually(10s, [&] { return is_split(); })) throw std::runtime_error(rpoguard_->log());
  }

  bool is_split() const { return rpoguard_->gate_reason("184") == "split_brain"; }
  /// How the last look at phx-a failed; empty: it did not.
  std::string failure() const {
    const auto view = rpoguard_->ops_json("/api/v1/view");
    const auto& node = view.at("shards")[0].at("nodes")[2];
    return node.at("failure").is_null() ? "" : node.at("failure").at("reason");
  }
  bool fails(const std::string& reason) const {
    return eventually(10s, [&] { return failure() == reason; });
  }
  /// It is closed for two seconds, in which phx-a acknowledges rows.
  void expect_closed_while_writing(Session& on_phx_a) {
    ASSERT_TRUE(eventually(10s, [&] { return is_split(); })) << rpoguard_->log();
    std::size_t acknowledged = 0;
    EXPECT_TRUE(holds_for(2s, [&] {
      on_phx_a.rows("insert into payments values (1)");
      ++acknowledged;
      return is_split();
    })) << rpoguard_->log();
    const auto found = pair_.iad_a().query("select count(*) from payments").value_or("none");
    std::printf("phx-a acknowledged %zu rows while it was out of reach, %s of them are on iad-a\n",
                acknowledged, found.c_str());
    EXPECT_GT(acknowledged, 3U);
  }
  void restart_rpoguard() {
    rpoguard_->kill9();
    rpoguard_->start();
    rpoguard_->wait_until_serving();
  }
  CommandResult forget(const std::string& rival) const {
    return run_command(
        {.argv = {RPOGUARD_BINARY, "forget-rival", rival, "--by", "jo", "--reason",
                  "its machine is off", "--config.file=" + rpoguard_->config_path()}});
  }

  demo::Link& way() { return *way_; }
  Server& phx_a() { return pair_.phx_a(); }
  Rpoguard& rpoguard() { return *rpoguard_; }

 private:
  RegionPair pair_;
  std::unique_ptr<demo::Link> way_;
  std::unique_ptr<Rpoguard> rpoguard_;
};

class RefusedWay : public ::testing::TestWithParam<const char*> {};

TEST_P(RefusedWay, keeps_the_gate_closed_until_the_rival_is_forgotten) {
  Rivals rivals(GetParam());
  EXPECT_EQ(rivals.forget("184/phx-a").exit_code, 1) << "it answers";
  rivals.way().refuse();
  ASSERT_TRUE(rivals.fails("refused")) << rivals.failure();
  Session on_phx_a = rivals.phx_a().connect();
  rivals.expect_closed_while_writing(on_phx_a);
  rivals.restart_rpoguard();
  ASSERT_TRUE(rivals.fails("refused")) << rivals.failure();
  rivals.expect_closed_while_writing(on_phx_a);

  const Rpoguard& rpoguard = rivals.rpoguard();
  const std::string detail =
      rpoguard.ops_json("/api/v1/view").at("shards")[0].at("gate").at("detail");
  EXPECT_NE(detail.find("fence it first, then run `rpoguard forget-rival 184/phx-a --reason TEXT`"),
            std::string::npos)
      << detail;
  const auto forgotten = rivals.forget("184/phx-a");
  EXPECT_EQ(forgotten.exit_code, 0) << forgotten.output;
  EXPECT_EQ(forgotten.output,
            "shard 184: phx-a is no rival any more, forgotten by jo: its machine is off\n");
  ASSERT_TRUE(opens(rpoguard));
  EXPECT_EQ(rpoguard.gate("/gate/184")->headers.at("rpoguard-writer"), "iad-a");
  EXPECT_NE(rpoguard.ops("/api/v1/events")->body.find("rpoguard.rival_forgotten"),
            std::string::npos);
  EXPECT_NE(rpoguard.log().find("msg=\"rival forgotten\" shard=184 node=phx-a by=jo "
                                "reason=\"its machine is off\""),
            std::string::npos)
      << rpoguard.log();
  rivals.restart_rpoguard();
  ASSERT_TRUE(opens(rpoguard)) << "it is on disk";
  // It was not off after all.
  rivals.way().heal();
  EXPECT_TRUE(eventually(10s, [&] { return rivals.is_split(); })) << rpoguard.log();
}

INSTANTIATE_TEST_SUITE_P(Source, RefusedWay, ::testing::Values("table", "timeline"),
                         [](const auto& source) { return std::string(source.param); });

// New connections are turned away with 57P03, and a pool's sessions go on.
TEST(SmartShutdown, of_a_rival_opens_no_gate) {
  Rivals rivals("table");
  Session pooled = rivals.phx_a().connect();
  ASSERT_EQ(::kill(rivals.phx_a().pid(), SIGTERM), 0);
  rivals.restart_rpoguard();
  ASSERT_TRUE(rivals.fails("not_accepting")) << rivals.failure();
  rivals.expect_closed_while_writing(pooled);
}

TEST(ForgetRival, says_why_it_does_not) {
  RegionPair pair;
  Rpoguard rpoguard(RegionPair::rpoguard_config({&pair}));
  ASSERT_TRUE(starts_open(rpoguard));
  const auto forget = [&](const std::string& rival) {
    return run_command({.argv = {RPOGUARD_BINARY, "forget-rival", rival, "--reason", "x",
                                 "--config.file=" + rpoguard.config_path()}});
  };
  struct Row {
    const char* rival;
    int exit_code;
    const char* says;
  };
  for (const Row& row : {Row{"184/phx-a", 1, "phx-a is no rival of a split brain"},
                         Row{"184/nope", 1, "shard 184 has no node nope"},
                         Row{"nope/phx-a", 1, "there is no such shard"},
                         Row{"phx-a", 2, "name it as SHARD/NODE, as in 184/phx-a"}}) {
    const auto refused = forget(row.rival);
    EXPECT_EQ(refused.exit_code, row.exit_code) << row.rival;
    EXPECT_NE(refused.output.find(row.says), std::string::npos) << refused.output;
  }
  EXPECT_TRUE(rpoguard.gate_open("184"));
}

}  // namespace
}  // namespace rpoguard::test
