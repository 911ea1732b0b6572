// The demo's wide-area link: what passes, what does not, and that nothing is lost.
#include "demo/tools/link.hpp"

#include <cerrno>
#include <future>
#include <thread>

#include "demo/tools/link_control.hpp"
#include "demo/tools/net.hpp"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::holds_for;

constexpr auto kLinkPatience = seconds(20);
constexpr auto kSilence = milliseconds(300);

std::uint16_t port_of(const Fd& fd) {
  sockaddr_in name{};
  socklen_t size = sizeof(name);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size);
  return ntohs(name.sin_port);
}

bool send(const Fd& fd, const std::string& text) {
  return send_all(fd, text, boot_now() + kLinkPatience);
}

/// Exactly `text` arrives.
testing::AssertionResult arrives(const Fd& fd, const std::string& text) {
  std::string got;
  const auto deadline = boot_now() + kLinkPatience;
  while (got.size() < text.size() && receive_some(fd, got, deadline)) {
  }
  if (got == text) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "got " << got.size() << " bytes of " << text.size();
}

/// Neither bytes nor an end nor an error are there to be read.
bool silent(const Fd& fd) {
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

bool ended(const Fd& fd) {
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, MSG_PEEK) == 0;
}

bool was_reset(const Fd& fd) {
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, 0) < 0 && errno == ECONNRESET;
}

void close_with_reset(Fd& fd) {
  const linger hard{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  fd = Fd();
}

/// Sends until nothing has been taken for a while; how much was taken.
std::size_t stuff(const Fd& fd, std::size_t limit) {
  const std::string block(64 * 1024, 'x');
  std::size_t taken = 0;
  while (taken < limit) {
    const ssize_t sent = ::send(fd.get(), block.data(), block.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      taken += static_cast<std::size_t>(sent);
      continue;
    }
    pollfd entry{fd.get(), POLLOUT, 0};
    if (::poll(&entry, 1, 500) <= 0) break;
  }
  return taken;
}

class LinkTest : public testing::Test {
 protected:
  struct Pair {
    Fd client;
    Fd server;
  };

  Fd connect(milliseconds patience = kLinkPatience) {
    return connect_tcp({"127.0.0.1", link_.port()}, boot_now() + patience);
  }

  Pair connected() {
    Pair pair;
    pair.client = connect();
    pair.server = accept_one(listener_, boot_now() + kLinkPatience);
    EXPECT_TRUE(pair.client && pair.server);
    EXPECT_TRUE(send(pair.client, "hello") && arrives(pair.server, "hello"));
    return pair;
  }

  Fd listener_ = listen_tcp({"127.0.0.1", 0});
  Link link_{{.target_port = port_of(listener_)}};
};

TEST_F(LinkTest, passes_bytes_both_ways_and_counts_them) {
  const Pair pair = connected();
  EXPECT_TRUE(send(pair.server, "welcome"));
  EXPECT_TRUE(arrives(pair.client, "welcome"));
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return link_.bytes(Direction::to_client) == 7; }));
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return link_.bytes(Direction::to_target) == 5; }));
  EXPECT_EQ(link_.connections(), 1U);
}

TEST_F(LinkTest, passes_an_end_of_stream_and_keeps_the_other_direction) {
  Pair pair = connected();
  ::shutdown(pair.client.get(), SHUT_WR);
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return ended(pair.server); }));
  EXPECT_TRUE(send(pair.server, "still here"));
  EXPECT_TRUE(arrives(pair.client, "still here"));
  pair.server = Fd();
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return link_.connections() == 0; }));
}

TEST_F(LinkTest, passes_a_reset) {
  Pair pair = connected();
  close_with_reset(pair.client);
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return was_reset(pair.server); }));
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return link_.connections() == 0; }));
}

TEST_F(LinkTest, target_that_refuses_resets_the_client) {
  // A port that was listened on a moment ago may be another test's by now.
  const Link link({.target_port = test::free_port()});
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(link.port());
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const Fd client(::socket(AF_INET, SOCK_STREAM, 0));
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    EXPECT_EQ(errno, ECONNRESET) << "the reset may come before connect() has returned";
    return;
  }
  ::fcntl(client.get(), F_SETFL, O_NONBLOCK);
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return was_reset(client); }));
}

TEST_F(LinkTest, cut_holds_bytes_of_both_directions_and_heal_delivers_them_in_order) {
  const Pair pair = connected();
  link_.cut();
  EXPECT_EQ(link_.state(), LinkState::cut);
  std::string sent;
  for (int i = 0; i < 1000; ++i) sent += std::to_string(i) + ' ';
  EXPECT_TRUE(send(pair.client, sent) && send(pair.server, sent));
  EXPECT_TRUE(holds_for(kSilence, [&] { return silent(pair.client) && silent(pair.server); }));
  link_.heal();
  EXPECT_TRUE(arrives(pair.server, sent));
  EXPECT_TRUE(arrives(pair.client, sent));
}

TEST_F(LinkTest, not_one_byte_passes_after_cut_has_returned) {
  const Pair pair = connected();
  std::atomic<bool> stop{false};
  std::thread sender([&] {
    while (!stop && ::send(pair.client.get(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 0) {
    }
  });
  std::thread reader([&] {
    std::string sink;
    while (!stop) receive_some(pair.server, sink, boot_now() + milliseconds(10));
  });
  for (int i = 0; i < 20; ++i) {
    link_.cut();
    const std::uint64_t at_cut = link_.bytes(Direction::to_target);
    EXPECT_TRUE(holds_for(
        milliseconds(20), [&] { return link_.bytes(Direction::to_target) == at_cut; },
        milliseconds(2)));
    link_.heal();
    EXPECT_TRUE(
        eventually(kLinkPatience, [&] { return link_.bytes(Direction::to_target) > at_cut; }));
  }
  stop = true;
  sender.join();
  reader.join();
}

TEST_F(LinkTest, cut_passes_neither_end_nor_reset_until_healed) {
  Pair ending = connected();
  Pair resetting = connected();
  link_.cut();
  ending.client = Fd();
  close_with_reset(resetting.client);
  EXPECT_TRUE(
      holds_for(kSilence, [&] { return silent(ending.server) && silent(resetting.server); }));
  EXPECT_EQ(link_.connections(), 2U);
  link_.heal();
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return ended(ending.server); }));
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return was_reset(resetting.server); }));
}

TEST_F(LinkTest, cut_makes_new_connections_hang) {
  link_.cut();
  const auto before = boot_now();
  EXPECT_FALSE(connect(kSilence));
  EXPECT_GE(boot_now() - before, kSilence) << "it was answered instead of dropped";
  link_.heal();
  connected();
}

TEST_F(LinkTest, connection_attempted_during_a_cut_succeeds_after_heal) {
  link_.cut();
  auto attempt = std::async(std::launch::async, [&] { return connect(); });
  EXPECT_EQ(attempt.wait_for(kSilence), std::future_status::timeout);
  link_.heal();
  const Fd client = attempt.get();
  const Fd server = accept_one(listener_, boot_now() + kLinkPatience);
  ASSERT_TRUE(client && server);
  EXPECT_TRUE(send(client, "late"));
  EXPECT_TRUE(arrives(server, "late"));
}

TEST_F(LinkTest, cut_in_one_direction_leaves_the_other) {
  const Pair pair = connected();
  link_.cut(Direction::to_target);
  EXPECT_TRUE(send(pair.server, "down"));
  EXPECT_TRUE(arrives(pair.client, "down"));
  EXPECT_TRUE(send(pair.client, "up"));
  EXPECT_TRUE(holds_for(kSilence, [&] { return silent(pair.server); }));
  EXPECT_FALSE(connect(milliseconds(200))) << "a handshake needs both directions";
  link_.cut(Direction::to_client);
  EXPECT_TRUE(arrives(pair.server, "up"));
  EXPECT_TRUE(send(pair.server, "down again"));
  EXPECT_TRUE(holds_for(kSilence, [&] { return silent(pair.client); }));
  link_.heal();
  EXPECT_TRUE(arrives(pair.client, "down again"));
}

TEST_F(LinkTest, sink_that_died_behind_a_cut_is_not_known_to_its_source) {
  Pair pair = connected();
  link_.cut(Direction::to_target);
  close_with_reset(pair.client);
  EXPECT_TRUE(send(pair.server, "into the void"));
  EXPECT_TRUE(holds_for(kSilence, [&] { return silent(pair.server); }));
  link_.heal();
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return was_reset(pair.server); }));
}

TEST_F(LinkTest, refuse_resets_connections_and_refuses_new_ones_until_healed_on_the_same_port) {
  const Pair pair = connected();
  const std::uint16_t port = link_.port();
  for (int round = 0; round < 3; ++round) {
    link_.refuse();
    EXPECT_EQ(link_.connections(), 0U);
    const auto before = boot_now();
    EXPECT_FALSE(connect());
    EXPECT_LT(boot_now() - before, seconds(5)) << "it hung instead of being refused";
    link_.heal();
    EXPECT_EQ(link_.port(), port);
    connected();
  }
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return was_reset(pair.client); }));
  EXPECT_TRUE(was_reset(pair.server));
}

TEST_F(LinkTest, refuse_may_follow_cut_and_the_reverse) {
  const Pair pair = connected();
  link_.cut();
  link_.refuse();
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return was_reset(pair.client); }));
  link_.cut();
  const auto before = boot_now();
  EXPECT_FALSE(connect(kSilence));
  EXPECT_GE(boot_now() - before, kSilence);
  link_.heal();
  connected();
}

TEST_F(LinkTest, delay_applies_to_each_way) {
  const Pair pair = connected();
  link_.set_delay(milliseconds(120));
  const auto before = boot_now();
  EXPECT_TRUE(send(pair.client, "ping") && arrives(pair.server, "ping"));
  EXPECT_GE(boot_now() - before, milliseconds(120));
  EXPECT_TRUE(send(pair.server, "pong") && arrives(pair.client, "pong"));
  EXPECT_GE(boot_now() - before, milliseconds(240));
  link_.set_delay(milliseconds(0));
  EXPECT_TRUE(send(pair.client, "fast") && arrives(pair.server, "fast"));
}

TEST_F(LinkTest, delay_keeps_the_order_when_it_is_lowered) {
  const Pair pair = connected();
  link_.set_delay(milliseconds(200));
  EXPECT_TRUE(send(pair.client, "first "));
  EXPECT_TRUE(eventually(kLinkPatience, [&] {
    link_.set_delay(milliseconds(0));
    return true;
  }));
  EXPECT_TRUE(send(pair.client, "second"));
  EXPECT_TRUE(arrives(pair.server, "first second"));
}

TEST_F(LinkTest, rate_throttles_all_connections_together) {
  const Pair one = connected();
  const Pair two = connected();
  link_.set_rate(100'000);
  const std::string half(30'000, 'x');
  const auto before = boot_now();
  EXPECT_TRUE(send(one.client, half) && send(two.client, half));
  EXPECT_TRUE(arrives(one.server, half));
  EXPECT_TRUE(arrives(two.server, half));
  const auto took = boot_now() - before;  // 0.6 s, less a burst of 0.05 s
  EXPECT_GE(took, milliseconds(500));
  EXPECT_LT(took, seconds(10));
}

TEST_F(LinkTest, rate_lifted_lets_the_rest_flow_at_once) {
  const Pair pair = connected();
  link_.set_rate(100);
  const std::string much(200'000, 'x');
  EXPECT_TRUE(send(pair.client, much));
  link_.set_rate(0);
  EXPECT_TRUE(arrives(pair.server, much));
}

TEST_F(LinkTest, buffers_are_bounded_and_lose_nothing) {
  const Pair pair = connected();
  const std::size_t offered = std::size_t{256} * 1024 * 1024;
  const std::size_t taken = stuff(pair.client, offered);
  EXPECT_LT(taken, offered / 4) << "the relay goes on reading although nobody reads from it";
  EXPECT_TRUE(arrives(pair.server, std::string(taken, 'x')));
}

TEST_F(LinkTest, destroying_a_link_resets_its_connections) {
  auto link = std::make_unique<Link>(LinkOptions{.target_port = port_of(listener_)});
  const Fd client = connect_tcp({"127.0.0.1", link->port()}, boot_now() + kLinkPatience);
  const Fd server = accept_one(listener_, boot_now() + kLinkPatience);
  ASSERT_TRUE(client && server);
  link.reset();
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return was_reset(client); }));
  EXPECT_TRUE(eventually(kLinkPatience, [&] { return was_reset(server); }));
}

TEST_F(LinkTest, taken_port_is_an_error) {
  EXPECT_THROW(Link({.listen_port = link_.port(), .target_port = 1}), std::system_error);
}

TEST_F(LinkTest, controls_may_come_from_any_thread) {
  const Pair pair = connected();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int round = 0; round < 50; ++round) {
        i % 2 == 0 ? link_.cut() : link_.heal();
        link_.set_delay(milliseconds(round % 2));
        link_.set_rate(static_cast<std::uint64_t>(round % 3) * 1'000'000);
        EXPECT_LE(link_.connections(), 1U);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  link_.set_rate(0);
  link_.heal();
  EXPECT_TRUE(send(pair.client, "alive"));
  EXPECT_TRUE(arrives(pair.server, "alive"));
}

TEST(LinkControl, commands_change_the_named_link_only) {
  Links links;
  add_link(links, "phx=0:127.0.0.1:1");
  add_link(links, "lax=0:127.0.0.1:1");
  struct Row {
    const char* command;
    LinkState phx;
  };
  for (const Row& row : {Row{"cut phx", LinkState::cut},
                         {"cut phx to_target", LinkState::cut_to_target},
                         {"cut phx to_client", LinkState::cut_to_client},
                         {"refuse phx", LinkState::refused},
                         {"heal phx", LinkState::up},
                         {"delay phx 20", LinkState::up},
                         {"rate phx 1000", LinkState::up}}) {
    EXPECT_EQ(control_links(links, row.command), "ok\n") << row.command;
    EXPECT_EQ(links["phx"]->state(), row.phx) << row.command;
    EXPECT_EQ(links["lax"]->state(), LinkState::up) << row.command;
  }
  EXPECT_EQ(control_links(links, "cut all"), "ok\n");
  EXPECT_EQ(links["lax"]->state(), LinkState::cut);
  EXPECT_NE(control_links(links, "status").find("link=phx port="), std::string::npos);
}

TEST(LinkControl, nonsense_changes_nothing) {
  Links links;
  add_link(links, "phx=0:127.0.0.1:1");
  for (const char* command :
       {"", "cut", "cut nobody", "cut phx sideways", "heal phx now", "delay phx", "delay phx -1",
        "delay phx 1s", "rate phx x", "explode phx", "delay phx 1 2", "status phx"}) {
    EXPECT_EQ(control_links(links, command).rfind("error: ", 0), 0U) << command;
    EXPECT_EQ(links["phx"]->state(), LinkState::up) << command;
  }
}

TEST(LinkControl, bad_descriptions_are_refused) {
  Links links;
  add_link(links, "phx=0:127.0.0.1:1");
  for (const char* text : {"", "phx", "=0:127.0.0.1:1", "x=0:127.0.0.1", "x=0:localhost:1",
                           "x=70000:127.0.0.1:1", "x=0:127.0.0.1:99999", "phx=0:127.0.0.1:1"}) {
    EXPECT_THROW(add_link(links, text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace rpoguard::demo
