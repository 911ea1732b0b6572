// From a name to a session, without a prober.
#include "exporter/observe/postgres/pg_dialer.hpp"

#include <algorithm>

#include "demo/tools/link.hpp"
#include <gtest/gtest.h>

#include "tests/wire/pg_peer.hpp"
#include "tests/wire/pg_probe_run.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using observe::Dialed;
using observe::PgDialer;

constexpr auto kDialPatience = 20s;

class pg_dialer : public ::testing::Test {
 protected:
  std::shared_ptr<PgDialer> dialer(std::uint16_t port) {
    return std::make_shared<PgDialer>(observe::DialContext{loop_, names_, read_password_},
                                      probe_node("a", port, "both").connect, 5s);
  }

  std::optional<Dialed> dial(PgDialer& dialer) {
    std::optional<Dialed> dialed;
    dialer.dial([&](Dialed said) { dialed = std::move(said); });
    EXPECT_TRUE(run_until(loop_, kDialPatience, [&] { return dialed.has_value(); }));
    return dialed;
  }

  static bool connected(const std::optional<Dialed>& dialed) {
    return dialed && std::holds_alternative<std::shared_ptr<observe::PgConnection>>(*dialed);
  }

  asio::io_context loop_;
  BootTimeClock clock_;
  observe::HostResolver names_{
      loop_, clock_, [](const std::string&) {
        return base::Result<observe::Addresses>(observe::Addresses{"127.0.0.2", "127.0.0.1"});
      }};
  base::Result<std::string> password_{std::string()};
  int passwords_read_ = 0;
  observe::PasswordReader read_password_ = [this](const core::PasswordSource&) {
    ++passwords_read_;
    return password_;
  };
};

TEST_F(pg_dialer, the_address_that_worked_is_the_first_to_be_tried_next_time) {
  PgPeer peer([](PgPeerSocket& s) { serve_healthy(s); });  // on 127.0.0.1 only
  const auto both = dialer(peer.port());
  EXPECT_TRUE(connected(dial(*both)));
  EXPECT_EQ(passwords_read_, 2);  // once for each address
  EXPECT_TRUE(connected(dial(*both)));
  EXPECT_EQ(passwords_read_, 3);
}

TEST_F(pg_dialer, a_password_that_cannot_be_read_is_an_authentication_failure) {
  PgPeer peer([](PgPeerSocket& s) { serve_healthy(s); });
  password_ = base::Error{"cannot read the file pw", {}};
  const auto dialed = dial(*dialer(peer.port()));
  ASSERT_FALSE(connected(dialed));
  const auto& failure = std::get<observe::Failure>(*dialed);
  EXPECT_EQ(failure.error.reason, core::ProbeFailure::auth_failed);
  EXPECT_EQ(failure.error.message, "cannot read the file pw");
  EXPECT_EQ(peer.connections(), 0);
}

// The kernel asks again after a second; a test that took its word for it would take that long.
TEST_F(pg_dialer, an_address_that_keeps_silent_is_asked_anew) {
  PgPeer peer([](PgPeerSocket& s) { serve_healthy(s); });
  demo::Link way({.target_port = peer.port()});
  const auto silent =
      std::make_shared<PgDialer>(observe::DialContext{loop_, names_, read_password_},
                                 probe_node("a", way.port(), "127.0.0.1").connect, 5s);
  core::Duration quickest = core::Duration::max();
  for (int round = 0; round < 5; ++round) {
    way.cut();
    std::optional<Dialed> dialed;
    silent->dial([&](Dialed said) { dialed = std::move(said); });
    EXPECT_EQ(silent->deadline_error().reason, core::ProbeFailure::unreachable);
    way.heal();
    const core::Instant healed = clock_.now();
    silent->try_again();
    ASSERT_TRUE(run_until(loop_, kDialPatience, [&] { return dialed.has_value(); }));
    EXPECT_TRUE(connected(dialed));
    quickest = std::min<core::Duration>(quickest, clock_.now() - healed);
  }
  EXPECT_LT(quickest, 700ms);
}

TEST_F(pg_dialer, after_close_nobody_is_called_and_it_can_dial_again) {
  PgPeer peer([](PgPeerSocket& s) { serve_healthy(s); });
  const auto closed = dialer(peer.port());
  bool called = false;
  closed->dial([&](const Dialed&) { called = true; });
  EXPECT_EQ(closed->deadline_error().reason, core::ProbeFailure::dns_failed);
  closed->close();
  EXPECT_TRUE(connected(dial(*closed)));
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace rpoguard::test
