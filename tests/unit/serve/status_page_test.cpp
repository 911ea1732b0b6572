#include "exporter/serve/ops/status_page.hpp"

#include <gtest/gtest.h>

#include "exporter/serve/ops/view_json.hpp"

#include "tests/unit/serve/golden.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

class StatusPage : public ::testing::Test {
 protected:
  serve::HttpResponse page(const core::View* view) {
    return serve::render_status_page(view, clock_.now(), clock_.wall());
  }

  VirtualClock clock_;
};

TEST_F(StatusPage, has_the_agreed_shape) {
  const std::string actual = page(mixed_view(clock_.now()).get()).body;
  EXPECT_EQ(actual, golden("status.html", actual));
}

TEST_F(StatusPage, lets_nothing_through_from_names_and_messages) {
  const serve::HttpResponse response = page(mixed_view(clock_.now()).get());
  EXPECT_EQ(response.body.find("<b>stop it"), std::string::npos);
  EXPECT_EQ(response.body.find("ird\\ <"), std::string::npos);
  EXPECT_EQ(response.body.find('\xFF'), std::string::npos);
  EXPECT_EQ(response.body.find("<script"), std::string::npos);
  EXPECT_NE(header(response, "Content-Security-Policy").find("default-src 'none'"),
            std::string::npos);
}

TEST_F(StatusPage, stands_before_the_first_view) {
  const serve::HttpResponse response = page(nullptr);
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find("nothing has been published yet"), std::string::npos);
}

TEST_F(StatusPage, follows_the_clock_while_the_view_stands_still) {
  const auto view = healthy_view(clock_.now());
  EXPECT_NE(page(view.get()).body.find("0 of 1 gates closed"), std::string::npos);
  clock_.advance(4300ms);
  const std::string body = page(view.get()).body;
  EXPECT_NE(body.find("1 of 1 gates closed"), std::string::npos);
  EXPECT_NE(body.find("rpo_exceeded"), std::string::npos);
  EXPECT_NE(body.find("\u2716 published 4.3 s ago</span>: do not trust it"), std::string::npos);
}

TEST_F(StatusPage, forgets_why_the_gate_was_closed_when_another_reason_has_taken_its_place) {
  const auto view = mixed_view(clock_.now());
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->gate.detail = "what was said while it was closed";
  view->shards[0] = shard;
  clock_.advance(5s);
  const std::string body = page(view.get()).body;
  const std::string view_json = serve::render_view_json(*view, clock_.now(), clock_.wall());
  EXPECT_NE(body.find("closed</span>: rpo_exceeded, more acknowledged work than"),
            std::string::npos);
  EXPECT_EQ(body.find("what was said"), std::string::npos);
  EXPECT_EQ(view_json.find("what was said"), std::string::npos);
}

TEST_F(StatusPage, says_who_has_frozen_writes) {
  auto view = std::make_shared<core::View>(*mixed_view(clock_.now()));
  auto frozen = std::make_shared<core::ShardView>(*view->shards[0]);
  frozen->freeze = core::Freeze{"jo", "a <move>", {}, std::nullopt};
  view->shards[0] = frozen;
  const std::string body = serve::render_status_page(view.get(), clock_.now(), clock_.wall()).body;
  EXPECT_NE(body.find("frozen by jo: a &lt;move&gt;"), std::string::npos);
}

TEST_F(StatusPage, says_that_shadow_and_waiver_bend_the_answer) {
  auto view = mixed_view(clock_.now());
  auto spec = std::make_shared<core::Spec>(*view->spec);
  for (core::ShardSpec& shard : spec->shards) shard.gate.mode = core::GateMode::shadow;
  view->spec = spec;
  auto waived = std::make_shared<core::ShardView>(*view->shards[0]);
  waived->gate.waived = true;
  waived->waiver = core::WaiverView{clock_.now() + 2h, "promotion <7>"};
  view->shards[0] = waived;
  const std::string body = page(view.get()).body;
  EXPECT_NE(body.find("mode shadow"), std::string::npos);
  EXPECT_NE(body.find("mode enforce would refuse</span>: stale_epoch, "), std::string::npos);
  EXPECT_NE(body.find("RPO waived"), std::string::npos);
  EXPECT_NE(body.find("for another 2.0 h: promotion &lt;7&gt;"), std::string::npos);
}

TEST_F(StatusPage, says_how_soon_the_budget_is_used_up_while_it_shrinks) {
  const auto view = healthy_view(clock_.now());
  EXPECT_NE(page(view.get()).body.find("at this pace the budget is used up in 8.6 s"),
            std::string::npos);
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->exposure_growth = 0.0;
  shard->bootstrapped = true;
  view->shards[0] = shard;
  const std::string body = page(view.get()).body;
  EXPECT_EQ(body.find("used up in"), std::string::npos);
  EXPECT_NE(body.find("estimated by commit times"), std::string::npos);
}

TEST_F(StatusPage, says_when_a_synchronous_promise_is_not_kept) {
  auto view = healthy_view(clock_.now());
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->synchronous.promised = true;
  view->shards[0] = shard;
  EXPECT_EQ(page(view.get()).body.find("Synchronous durability"), std::string::npos);
  shard->synchronous.problem = "phx-a is <behind>";
  EXPECT_NE(page(view.get()).body.find("\u2716 not proven</span>: phx-a is &lt;behind&gt;"),
            std::string::npos);
  shard->synchronous.downgraded = true;
  EXPECT_NE(page(view.get()).body.find("\u2716 downgraded</span>"), std::string::npos);
}

TEST_F(StatusPage, shows_the_silence_of_a_witness_and_of_the_endpoint_as_unknown) {
  auto view = healthy_view(clock_.now());
  auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
  shard->generation_witness = core::WitnessView{};
  shard->generation_witness->as_of = clock_.now() - 30s;
  shard->endpoint = core::EndpointView{};
  shard->archive.recovery_point.reset();
  view->shards[0] = shard;
  const std::string body = page(view.get()).body;
  EXPECT_NE(body.find("Generation witness <span class=\"unsure\">? silent</span> for 30 s"),
            std::string::npos);
  EXPECT_NE(body.find("Writer endpoint <span class=\"unsure\">? not known whether it leads to the "
                      "writer</span>"),
            std::string::npos);
  EXPECT_NE(body.find("WAL archive <span class=\"unsure\">? age unknown</span>"),
            std::string::npos);
}

TEST_F(StatusPage, names_only_so_many_closed_shards_at_the_top) {
  auto view = healthy_view(clock_.now(), 30);
  for (auto& shard : view->shards) shard = nullptr;
  EXPECT_NE(page(view.get()).body.find(">s19</a>, ...; view"), std::string::npos);
}

}  // namespace
}  // namespace rpoguard::test
