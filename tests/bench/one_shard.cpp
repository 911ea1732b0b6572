#include "tests/bench/one_shard.hpp"

#include <iostream>
#include <memory>
#include <stdexcept>
#include <utility>

#include "tests/bench/peer.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::bench {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kWarmUp{10};
constexpr seconds kOpenDeadline{60};

/// A program under measurement: one process, or one per node.
struct Candidate {
  std::string name;
  std::string role;
  std::vector<std::unique_ptr<Peer>> peers{};  ///< none: rpoguard
  std::vector<pid_t> pids{};
  std::uint16_t page_port = 0;
};

struct Reading {
  std::array<Statements, kNodes> statements{};
  BackendCpu backends{};
  double cpu_ms = 0;
  double scrapes = 0;  ///< of all its processes together
};

/// Everything at one edge of a window.
struct Edge {
  steady_clock::time_point at{};
  std::vector<Reading> readings{};  ///< parallel to the candidates
};

class Comparison {
 public:
  Comparison(Shard& shard, const Effort& effort)
      : shard_(shard), effort_(effort), rpoguard_(shard.config(1)) {
    rpoguard_.wait_until_serving();
    candidates_.push_back({.name = "rpoguard",
                           .role = Shard::kOurRole,
                           .pids = {rpoguard_.pid()},
                           .page_port = rpoguard_.ops_port()});
    add_peer("postgres_exporter", "exporter_default", {});
    add_peer("its --disable-settings-metrics", "exporter_slim", {"--disable-settings-metrics"});
    if (!test::eventually(kOpenDeadline, [this] { return rpoguard_.gate_open("s0"); })) {
      throw std::runtime_error("the shard is not healthy; rpoguard's log:\n" + rpoguard_.log());
    }
    scrapes_.resize(candidates_.size());
  }

  OneShard run() {
    for (const Candidate& candidate : candidates_) costs_.push_back({.name = candidate.name});
    watch_for(kWarmUp);
    Edge before = edge();
    for (std::size_t i = 0; i < effort_.windows; ++i) {
      watch_for(kWindow);
      Edge after = edge();
      take_window(before, after);
      before = std::move(after);
      std::clog << "one shard: window " << i + 1 << " of " << effort_.windows << "\n";
    }
    race();
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      costs_[i].memory = memory_of(candidates_[i].pids.front());
    }
    result_.ours = costs_.front();
    result_.peers.assign(costs_.begin() + 1, costs_.end());
    return std::move(result_);
  }

 private:
  void add_peer(const std::string& name, const std::string& role,
                const std::vector<std::string>& arguments) {
    shard_.add_monitoring_role(role);
    Candidate candidate{.name = name, .role = role};
    for (const test::Server* node : shard_.nodes()) {
      candidate.peers.push_back(std::make_unique<Peer>(*node, role, arguments));
      candidate.pids.push_back(candidate.peers.back()->pid());
    }
    candidate.page_port = candidate.peers.front()->port();
    candidates_.push_back(std::move(candidate));
  }

  /// Once a second each peer is scraped; rpoguard looks by itself.
  void watch_for(seconds time) {
    const auto begin = steady_clock::now();
    for (seconds passed{0}; passed < time; ++passed) {
      for (std::size_t i = 1; i < candidates_.size(); ++i) {
        for (const auto& peer : candidates_[i].peers) scrape(peer->port());
        scrapes_[i] += static_cast<double>(candidates_[i].peers.size());
      }
      wait_until(begin + passed + seconds(1));
    }
  }

  double cpu_ms(const Candidate& candidate) const {
    std::chrono::duration<double, std::milli> sum{};
    for (const pid_t pid : candidate.pids) {
      const auto time = cpu_time(pid);
      if (!time) throw std::runtime_error(candidate.name + " has ended");
      sum += *time;
    }
    return sum.count();
  }

  Edge edge() {
    Edge result{.at = steady_clock::now()};
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const std::string& role = candidates_[i].role;
      result.readings.push_back(
          {shard_.statements(role), shard_.backends(role), cpu_ms(candidates_[i]), scrapes_[i]});
    }
    return result;
  }

  void take_window(const Edge& before, const Edge& after) {
    const double ticks = std::chrono::duration<double>(after.at - before.at).count();
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const Reading& from = before.readings[i];
      const Reading& to = after.readings[i];
      const double looks = i == 0 ? ticks * static_cast<double>(kNodes) : to.scrapes - from.scrapes;
      Statements sum;
      for (std::size_t node = 0; node < kNodes; ++node) {
        sum.calls += to.statements[node].calls - from.statements[node].calls;
        sum.ms += to.statements[node].ms - from.statements[node].ms;
      }
      costs_[i].statements_per_look.push_back(sum.calls / looks);
      costs_[i].database_ms_per_look.push_back(sum.ms / looks);
      costs_[i].backend_cpu_ms_per_look.push_back(milliseconds_between(from.backends, to.backends) /
                                                  looks);
      costs_[i].cpu_ms_per_look.push_back((to.cpu_ms - from.cpu_ms) / looks);
    }
    take_light(before.readings.front(), after.readings.front(), ticks);
  }

  void take_light(const Reading& from, const Reading& to, double ticks) {
    for (std::size_t node = 0; node < kNodes; ++node) {
      const double calls = to.statements[node].light_calls - from.statements[node].light_calls;
      const double ms = to.statements[node].light_ms - from.statements[node].light_ms;
      if (calls <= 0) throw std::runtime_error("no light statement in a window");
      result_.light_per_tick.push_back(calls / ticks);
      (node == 0 ? result_.light_ms_writer : result_.light_ms_standby).push_back(ms / calls);
    }
  }

  /// The pages in turn, back to back, so that noise hits all alike.
  void race() {
    const auto begin = steady_clock::now();
    std::vector<double> cpu_before;
    for (const Candidate& candidate : candidates_) cpu_before.push_back(cpu_ms(candidate));
    for (std::size_t n = 0; n < effort_.scrapes; ++n) {
      for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const Scrape page = scrape(candidates_[i].page_port);
        costs_[i].scrape_ms.push_back(page.milliseconds);
        costs_[i].page_bytes = page.body.size();
      }
    }
    const std::chrono::duration<double> took = steady_clock::now() - begin;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      double spent = cpu_ms(candidates_[i]) - cpu_before[i];
      // rpoguard went on probing meanwhile.
      if (i == 0) {
        spent -= took.count() * static_cast<double>(kNodes) * median(costs_[i].cpu_ms_per_look);
      }
      costs_[i].page_cpu_ms = spent / static_cast<double>(effort_.scrapes);
    }
    std::clog << "one shard: " << effort_.scrapes << " scrapes of each page\n";
  }

  Shard& shard_;
  const Effort effort_;
  test::Rpoguard rpoguard_;
  std::vector<Candidate> candidates_;  // rpoguard first
  std::vector<double> scrapes_;
  std::vector<Costs> costs_;
  OneShard result_;
};

}  // namespace

OneShard measure_one_shard(Shard& shard, const Effort& effort) {
  return Comparison(shard, effort).run();
}

}  // namespace rpoguard::bench
