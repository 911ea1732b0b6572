#include "tests/stack/gate_callers.hpp"

#include <algorithm>
#include <memory>

#include "demo/tools/net.hpp"

#include "exporter/serve/lease/rpoguard_lease.h"

#include "tests/support/eventually.hpp"
#include "tests/support/http.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kPause = 10ms;
constexpr auto kAnswerWithin = 1s;

// The page at the path, looked for anew while its lease is closed.
class MappedPage {
 public:
  explicit MappedPage(std::string path) : path_(std::move(path)) {}
  ~MappedPage() { rpoguard_lease_unmap(&page_); }
  MappedPage(const MappedPage&) = delete;
  MappedPage& operator=(const MappedPage&) = delete;

  bool open() {
    if (!mapped_) mapped_ = rpoguard_lease_map(&page_, path_.c_str()) == 0;
    if (!mapped_) return false;
    if (says_open()) return true;
    rpoguard_lease_refresh(&page_, path_.c_str());
    return says_open();
  }

 private:
  bool says_open() const { return rpoguard_lease_open(rpoguard_lease_find(&page_, "184"), 0) != 0; }
  std::string path_;
  rpoguard_lease_page page_{};
  bool mapped_ = false;
};

}  // namespace

GateCallers::GateCallers(std::uint16_t gate_port, std::uint16_t agent_port, std::string lease_path)
    : gate_port_(gate_port), agent_port_(agent_port), lease_path_(std::move(lease_path)) {
  threads_.emplace_back([this] { ask_over_and_over(kHttpWay, [this] { return ask_http(); }); });
  threads_.emplace_back([this] { ask_over_and_over(kAgentWay, [this] { return ask_agent(); }); });
  threads_.emplace_back([this] {
    MappedPage page(lease_path_);
    ask_over_and_over(kLeaseWay, [&] {
      const core::Instant asked = demo::boot_now();
      return page.open() ? asked : core::Instant{};
    });
  });
}

GateCallers::~GateCallers() {
  over_ = true;
  for (std::thread& thread : threads_) thread.join();
}

void GateCallers::ask_over_and_over(std::size_t way, const Ask& ask) {
  static_cast<void>(eventually(
      24h,
      [&] {
        const core::Instant until = ask();
        const std::lock_guard lock(mutex_);
        Seen& seen = seen_.at(way);
        seen.open = until != core::Instant{};
        seen.relied_until = std::max(seen.relied_until, until);
        return over_.load();
      },
      kPause));
}

core::Instant GateCallers::ask_http() const {
  const core::Instant asked = demo::boot_now();
  const auto reply = http_call(gate_port_, {.target = "/gate/184", .deadline = kAnswerWithin});
  if (!reply || reply->status != 200) return {};
  return asked + std::chrono::milliseconds(std::stoll(reply->headers.at("rpoguard-open-for-ms")));
}

core::Instant GateCallers::ask_agent() const {
  const core::Instant asked = demo::boot_now();
  const core::Instant deadline = asked + kAnswerWithin;
  const demo::Fd agent = demo::connect_tcp({.port = agent_port_}, deadline);
  std::string answer;
  if (!agent || !demo::send_all(agent, "184\n", deadline)) return {};
  while (!answer.ends_with('\n') && demo::receive_some(agent, answer, deadline)) {
  }
  return answer == "up\n" ? asked : core::Instant{};
}

bool GateCallers::open(std::size_t way) const {
  const std::lock_guard lock(mutex_);
  return seen_.at(way).open;
}

bool GateCallers::all_open() const {
  return open(kHttpWay) && open(kLeaseWay) && open(kAgentWay);
}

bool GateCallers::all_closed() const {
  return !open(kHttpWay) && !open(kLeaseWay) && !open(kAgentWay);
}

core::Instant GateCallers::relied_until(std::size_t way) const {
  const std::lock_guard lock(mutex_);
  return seen_.at(way).relied_until;
}

}  // namespace rpoguard::test
