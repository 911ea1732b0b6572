// A world in which everything is known that the metrics page can show.
#pragma once

#include <memory>
#include <vector>

#include "exporter/serve/metrics/metrics_page.hpp"

#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {

class RichWorld {
 public:
  RichWorld() {
    auto view = mixed_view(world_.clock.now());
    auto shard = std::make_shared<core::ShardView>(*view->shards[0]);
    shard->synchronous.promised = true;
    shard->freeze = core::Freeze{"jo", "a move", world_.clock.wall(), world_.clock.wall() + 1h};
    shard->waiver = core::WaiverView{world_.clock.now() + 2h, "by jo: phx is gone",
                                     world_.clock.wall() + 2h, "jo"};
    shard->nodes[0].slow->slots[0].safe_wal_bytes = 1 << 30;
    view->shards[0] = shard;
    world_.views.publish(view);
    world_.counters.count("184", true, true);
  }

  serve::MetricsContext metrics_context() const {
    serve::MetricsContext context = world_.metrics_context();
    context.hook_stats = [] {
      return std::vector<core::HookStats>{{.name = "pager \\ \"on\ncall\"",
                                           .delivered = 100'000,
                                           .failed = 1,
                                           .dropped = 2,
                                           .retries = 3,
                                           .queued = 4}};
    };
    context.web_stats = [] {
      return std::vector<serve::WebStats>{
          {.listener = "ops",
           .certificate_expiry = core::WallTime(std::chrono::seconds(1'800'000'001)),
           .reload_failures = 2,
           .handshake_failures = 3}};
    };
    context.given_up = [] { return std::vector<serve::GivenUp>{{"ops", 5}, {"gate", 6}}; };
    context.dropped_log_lines = [] { return 7; };
    return context;
  }

 private:
  World world_;
};

}  // namespace rpoguard::test
