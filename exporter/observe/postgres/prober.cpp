#include "exporter/observe/postgres/prober.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <asio/steady_timer.hpp>

#include "exporter/base/check.hpp"
#include "exporter/base/ticker.hpp"
#include "exporter/observe/postgres/node_probe.hpp"

namespace rpoguard::observe {

namespace {

using core::Duration;
using core::Instant;

constexpr Duration kCopiesDelayMax = std::chrono::milliseconds(100);

Duration copies_delay(Duration interval) {
  return std::min<Duration>(kCopiesDelayMax, interval / 10);
}

}  // namespace

class Prober::Impl : public std::enable_shared_from_this<Prober::Impl> {
 public:
  Impl(asio::io_context& loop, std::shared_ptr<const core::Spec> spec, const core::Clock& clock,
       PasswordReader read_password, Sink sink)
      : loop_(loop),
        spec_(std::move(spec)),
        clock_(clock),
        read_password_(std::move(read_password)),
        sink_(std::move(sink)),
        resolver_(loop, clock) {
    clear_libpq_environment();  // the configuration alone says where to connect
    for (std::size_t i = 0; i < spec_->shards.size(); ++i) add_shard(i);
  }

  void start() {
    RPOGUARD_CHECK(!started_);
    started_ = true;
    const Instant now = clock_.now();
    const auto count = static_cast<std::int64_t>(shards_.size());
    for (std::int64_t i = 0; i < count; ++i) {  // spread evenly over the interval
      Shard& shard = shards_[static_cast<std::size_t>(i)];
      shard.due = now + spec_->probe.interval * i / count;
      wait_for_tick(shard, now);
    }
  }

  void set_writer(std::size_t shard, std::optional<std::size_t> node) {
    RPOGUARD_CHECK(shard < shards_.size());
    RPOGUARD_CHECK(!node || *node < shards_[shard].nodes.size());
    shards_[shard].writer = node;
  }

  void expect_mark(std::size_t shard, std::size_t writer, const std::optional<core::RunId>& run) {
    RPOGUARD_CHECK(shard < shards_.size());
    const auto& nodes = shards_[shard].nodes;
    for (std::size_t node = 0; node < nodes.size(); ++node) {
      nodes[node]->expect_mark(run ? std::optional(RunToMark{*run, node == writer}) : std::nullopt);
    }
  }

  void set_interval(std::size_t index, Duration interval) {
    RPOGUARD_CHECK(index < shards_.size());
    RPOGUARD_CHECK(interval > Duration::zero());
    Shard& shard = shards_[index];
    if (std::exchange(shard.interval, interval) == interval || !shard.last) return;
    shard.due = std::min(shard.due, *shard.last + interval);
    if (!shard.copies_wait) wait_for_tick(shard, clock_.now());
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    for (Shard& shard : shards_) {
      shard.timer.cancel();
      for (const auto& node : shard.nodes) node->close();
    }
  }

 private:
  struct Shard {
    asio::steady_timer timer;
    std::vector<std::shared_ptr<NodeProbe>> nodes{};
    std::optional<std::size_t> writer{};
    Duration interval;
    Instant due{};                  // of the next tick
    std::optional<Instant> last{};  // tick
    bool copies_wait = false;       // in the middle of a tick
    std::uint64_t wait = 0;         // handlers of an older one do nothing
  };

  void add_shard(std::size_t index) {
    const core::ShardSpec& spec = spec_->shards[index];
    Shard shard{.timer = asio::steady_timer(loop_), .interval = spec_->probe.interval};
    const ProbeContext context{loop_, clock_, resolver_, read_password_, spec_->probe};
    for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
      shard.nodes.push_back(std::make_shared<NodeProbe>(
          context,
          NodeTarget{.connect = spec.nodes[node].connect,
                     .wants_epoch_table = spec.epoch_source == core::EpochSource::table,
                     .epoch_query = spec.epoch_source == core::EpochSource::query ? spec.epoch_query
                                                                                  : std::string(),
                     .ready_interval = spec.archive.interval,
                     .on_fast =
                         [this, index, node](core::NodeObservation observation) {
                           sink_.fast(index, node, std::move(observation));
                         },
                     .on_slow =
                         [this, index, node](core::SlowObservation observation) {
                           sink_.slow(index, node, std::move(observation));
                         }}));
    }
    shards_.push_back(std::move(shard));
  }

  template <typename Next>
  void wait(Shard& shard, Duration time, Next next) {
    shard.timer.expires_after(time);
    shard.timer.async_wait(
        [self = shared_from_this(), &shard, wait = ++shard.wait, next](asio::error_code error) {
          if (!error && !self->stopped_ && wait == shard.wait) next();
        });
  }

  void wait_for_tick(Shard& shard, Instant now) {
    wait(shard, std::max(shard.due - now, Duration::zero()), [this, &shard] { tick(shard); });
  }

  void tick(Shard& shard) {
    shard.last = clock_.now();
    const std::optional<std::size_t> writer = shard.writer;
    if (!writer) {
      ask_others(shard, writer);
      return;
    }
    // A timer, not the writer's answer, starts the copies: a hung writer delays nobody.
    shard.copies_wait = true;
    wait(shard, copies_delay(shard.interval),
         [this, &shard, writer] { ask_others(shard, writer); });
    shard.nodes[*writer]->tick();
  }

  void ask_others(Shard& shard, std::optional<std::size_t> asked) {
    const Instant now = clock_.now();
    shard.copies_wait = false;
    shard.due = base::next_tick(shard.due, now, shard.interval);
    wait_for_tick(shard, now);
    for (std::size_t node = 0; node < shard.nodes.size(); ++node)
      if (node != asked) shard.nodes[node]->tick();
  }

  asio::io_context& loop_;
  const std::shared_ptr<const core::Spec> spec_;
  const core::Clock& clock_;
  const PasswordReader read_password_;
  const Sink sink_;
  HostResolver resolver_;
  std::vector<Shard> shards_;
  bool started_ = false;
  bool stopped_ = false;
};

Prober::Prober(asio::io_context& loop, std::shared_ptr<const core::Spec> spec,
               const core::Clock& clock, PasswordReader read_password, Sink sink)
    : impl_(std::make_shared<Impl>(loop, std::move(spec), clock, std::move(read_password),
                                   std::move(sink))) {}

Prober::~Prober() {
  impl_->stop();
}

void Prober::start() {
  impl_->start();
}

void Prober::set_writer(std::size_t shard, std::optional<std::size_t> node) {
  impl_->set_writer(shard, node);
}

void Prober::expect_mark(std::size_t shard, std::size_t writer,
                         const std::optional<core::RunId>& run) {
  impl_->expect_mark(shard, writer, run);
}

void Prober::set_interval(std::size_t shard, core::Duration interval) {
  impl_->set_interval(shard, interval);
}

void Prober::stop() {
  impl_->stop();
}

}  // namespace rpoguard::observe
