#include "exporter/serve/gate/gate_answer.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

TEST(GateAnswer, whole_milliseconds_never_promise_more_than_there_is) {
  EXPECT_EQ(serve::whole_ms(0ns), 0);
  EXPECT_EQ(serve::whole_ms(999'999ns), 0);
  EXPECT_EQ(serve::whole_ms(1'000'000ns), 1);
  EXPECT_EQ(serve::whole_ms(4300ms - 1ns), 4299);
  EXPECT_EQ(serve::whole_ms(-1ns), 0);
}

TEST(GateAnswer, retry_after_is_rounded_up_and_at_least_a_second) {
  const auto retry_after = [](core::Duration duration) {
    serve::GateVerdict answer;
    answer.retry_after = duration;
    serve::HttpResponse response;
    add_gate_headers(response, answer);
    return header(response, "Retry-After");
  };
  EXPECT_EQ(retry_after(-5s), "1");
  EXPECT_EQ(retry_after(0s), "1");
  EXPECT_EQ(retry_after(1s), "1");
  EXPECT_EQ(retry_after(1s + 1ns), "2");
}

TEST(GateAnswer, a_name_cannot_split_the_response) {
  core::ShardView view;
  view.writer = core::WriterView{"a\r\nSet-Cookie: x", "iad", core::Epoch{1}, core::Timeline{1}};
  serve::GateVerdict answer;
  answer.view = &view;
  serve::HttpResponse response;
  add_gate_headers(response, answer);
  EXPECT_EQ(header(response, "Rpoguard-Writer"), "a??Set-Cookie: x");
}

}  // namespace
}  // namespace rpoguard::test
