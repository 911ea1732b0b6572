#include "exporter/observe/system/resolver.hpp"

#include <atomic>
#include <future>
#include <optional>

#include <gtest/gtest.h>

#include "exporter/core/model/limits.hpp"

#include "tests/support/virtual_clock.hpp"

namespace rpoguard::observe {
namespace {

using namespace std::chrono_literals;
using base::Result;

// Names starting with "dead" hang until release(); "nowhere" does not resolve; others
// give 10.0.0.1.
class Names {
 public:
  Lookup lookup() {
    return [state = state_](const std::string& host) -> Result<Addresses> {
      ++state->calls;
      if (host.starts_with("dead")) state->released.wait();
      if (host == "nowhere") return base::Error{"no such name", {}};
      return Addresses{"10.0.0.1"};
    };
  }
  void release() { release_.set_value(); }
  int calls() const { return state_->calls; }

 private:
  struct State {
    std::atomic<int> calls{0};
    std::shared_future<void> released;
  };
  std::promise<void> release_;
  std::shared_ptr<State> state_ = [this] {
    auto state = std::make_shared<State>();
    state->released = release_.get_future().share();
    return state;
  }();
};

class resolver : public ::testing::Test {
 protected:
  // Asks and runs the loop until the answer is there.
  std::optional<Result<Addresses>> ask(HostResolver& with, const std::string& host) {
    std::optional<Result<Addresses>> answer;
    with.resolve(host, [&](Result<Addresses> found) { answer = std::move(found); });
    loop_.restart();
    while (!answer && loop_.run_one_for(10s) > 0) {
    }
    return answer;
  }

  asio::io_context loop_;
  test::VirtualClock clock_;
  Names names_;
};

TEST_F(resolver, a_numeric_address_needs_no_look_up) {
  HostResolver dns(loop_, clock_, names_.lookup());
  for (const char* host : {"127.0.0.1", "::1", "10.1.2.3"}) {
    std::optional<Result<Addresses>> answer;
    dns.resolve(host, [&](Result<Addresses> found) { answer = std::move(found); });
    ASSERT_TRUE(answer && answer->ok()) << host;
    EXPECT_EQ(answer->value(), Addresses{host});
  }
  EXPECT_EQ(names_.calls(), 0);
}

TEST_F(resolver, a_name_is_looked_up_off_the_loop) {
  HostResolver dns(loop_, clock_, names_.lookup());
  const auto answer = ask(dns, "db1");
  ASSERT_TRUE(answer && answer->ok());
  EXPECT_EQ(answer->value(), Addresses{"10.0.0.1"});
}

TEST_F(resolver, a_dead_name_delays_no_other) {
  HostResolver dns(loop_, clock_, names_.lookup(), 2);
  bool dead_answered = false;
  dns.resolve("dead", [&](const Result<Addresses>&) { dead_answered = true; });
  for (const char* host : {"db1", "db2", "db3"}) {
    const auto answer = ask(dns, host);
    ASSERT_TRUE(answer && answer->ok()) << host;
  }
  EXPECT_FALSE(dead_answered);
  names_.release();
  while (!dead_answered && loop_.run_one_for(10s) > 0) {
  }
  EXPECT_TRUE(dead_answered);
}

TEST_F(resolver, callers_of_one_name_share_its_look_up) {
  HostResolver dns(loop_, clock_, names_.lookup());
  int answers = 0;
  for (int i = 0; i < 5; ++i) dns.resolve("dead", [&](const Result<Addresses>&) { ++answers; });
  names_.release();
  while (answers < 5 && loop_.run_one_for(10s) > 0) {
  }
  EXPECT_EQ(answers, 5);
  EXPECT_EQ(names_.calls(), 1);
}

TEST_F(resolver, a_good_answer_is_kept_for_its_time_only) {
  HostResolver dns(loop_, clock_, names_.lookup());
  ASSERT_TRUE(ask(dns, "db1"));
  clock_.advance(core::limits::kDnsTtl - 1ms);
  ASSERT_TRUE(ask(dns, "db1"));
  EXPECT_EQ(names_.calls(), 1);
  clock_.advance(1ms);
  ASSERT_TRUE(ask(dns, "db1"));
  EXPECT_EQ(names_.calls(), 2);
}

TEST_F(resolver, without_that_time_each_call_looks_up_anew) {
  HostResolver dns(loop_, clock_, names_.lookup(), 1, core::Duration::zero());
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(ask(dns, "db1"));
    EXPECT_EQ(names_.calls(), i);
  }
}

TEST_F(resolver, a_failure_is_told_and_not_kept) {
  HostResolver dns(loop_, clock_, names_.lookup());
  for (int i = 1; i <= 2; ++i) {
    const auto answer = ask(dns, "nowhere");
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->ok());
    EXPECT_EQ(names_.calls(), i);
  }
}

TEST_F(resolver, its_end_does_not_wait_for_a_hanging_name) {
  bool answered = false;
  {
    HostResolver dns(loop_, clock_, names_.lookup());
    dns.resolve("dead", [&](const Result<Addresses>&) { answered = true; });
  }
  names_.release();
  loop_.run();
  EXPECT_FALSE(answered);
}

TEST(system_lookup, a_name_of_this_machine_resolves_and_a_reserved_one_does_not) {
  const auto found = system_lookup("localhost");
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_FALSE(found.value().empty());
  EXPECT_FALSE(system_lookup("no such host").ok());
}

}  // namespace
}  // namespace rpoguard::observe
