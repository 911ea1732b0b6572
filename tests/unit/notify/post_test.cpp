#include "exporter/notify/post.hpp"

#include <gtest/gtest.h>

namespace rpoguard::notify {
namespace {

using namespace std::chrono_literals;

Attempt judged(int status, const std::string& retry_after = "") {
  return judge(net::HttpAnswer{status, "a body with a secret", retry_after});
}

TEST(Judge, takes_2xx_for_delivered_and_nothing_else) {
  for (const int status : {200, 201, 202, 204, 299})
    EXPECT_EQ(judged(status).outcome, Outcome::delivered) << status;
  for (const int status : {500, 502, 503, 504, 599, 408, 425, 429})
    EXPECT_EQ(judged(status).outcome, Outcome::retry) << status;
  for (const int status : {100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 410, 422})
    EXPECT_EQ(judged(status).outcome, Outcome::failed) << status;
}

TEST(Judge, says_that_a_redirect_is_one_and_repeats_no_body) {
  EXPECT_EQ(judged(302).note, "it answers 302, a redirect");
  EXPECT_EQ(judged(404).note, "it answers 404");
}

TEST(Judge, heeds_retry_after_in_seconds_up_to_an_hour) {
  EXPECT_EQ(judged(429, "7").wait, 7s);
  EXPECT_EQ(judged(503, "86400").wait, 1h);
  for (const char* other : {"", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999999"})
    EXPECT_EQ(judged(503, other).wait, std::nullopt) << other;
}

TEST(Judge, of_no_answer_may_be_better_later_unless_the_token_is_bad) {
  using net::HttpFailure;
  for (const auto failure : {HttpFailure::cannot_connect, HttpFailure::cut_short,
                             HttpFailure::too_large, HttpFailure::tls_failed})
    EXPECT_EQ(judge(failure).outcome, Outcome::retry) << net::text_of(failure);
  EXPECT_EQ(judge(HttpFailure::bad_token).outcome, Outcome::failed);
}

}  // namespace
}  // namespace rpoguard::notify
