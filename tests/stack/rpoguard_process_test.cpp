// What the tests ask the program through: a program that is gone or mute is never taken for one
// that says no.
#include "tests/support/rpoguard_process.hpp"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

// Nothing answers on the ports of its nodes, so its gate is closed.
RpoguardConfig config_without_servers() {
  RpoguardConfig config;
  config.shards = {{.nodes = {{.name = "iad-a", .region = "iad", .port = free_port()},
                              {.name = "phx-a", .region = "phx", .port = free_port()}}}};
  return config;
}

TEST(RpoguardProcess, that_ends_unasked_fails_the_test) {
  RpoguardConfig config = config_without_servers();
  config.process = "nonsense: 1";
  EXPECT_NONFATAL_FAILURE(
      {
        const Rpoguard rpoguard(config);
        static_cast<void>(eventually(20s, [&] { return !process_runs(rpoguard.pid()); }));
      },
      "ended by itself with 1");
}

TEST(RpoguardProcess, that_gives_no_answer_has_said_neither_open_nor_closed) {
  Rpoguard rpoguard(config_without_servers());
  rpoguard.wait_until_serving();
  EXPECT_FALSE(rpoguard.gate_open("184"));
  EXPECT_THROW(rpoguard.gate_open("unheard-of"), std::runtime_error);
  rpoguard.kill9();
  const auto closed = [&] { return !rpoguard.gate_open("184"); };
  EXPECT_THROW(rpoguard.gate_reason("184"), NoAnswer);
  EXPECT_THROW(static_cast<void>(holds_for(1s, closed)), NoAnswer);
  EXPECT_THROW(static_cast<void>(eventually(50ms, closed)), NoAnswer);
  rpoguard.start();
  EXPECT_TRUE(eventually(20s, closed)) << "it asks again";
}

}  // namespace
}  // namespace rpoguard::test
