#include "exporter/notify/alert_book.hpp"

#include <gtest/gtest.h>

#include "tests/support/virtual_clock.hpp"

namespace rpoguard::notify {
namespace {

using namespace std::chrono_literals;

core::Alert alert(const std::string& name, core::Duration hold = 0s) {
  return {{{"alertname", name}, {"shard", "184"}}, "summary", "description", hold};
}

class AlertBookTest : public ::testing::Test {
 protected:
  void wrong(const std::vector<core::Alert>& alerts) {
    book.set("184", alerts, clock.now(), clock.wall());
  }
  std::vector<AlertBook::Message> due() { return book.take_due(clock.now(), clock.wall()); }
  // "Split" or "Split over"
  std::vector<std::string> tell() {
    const auto messages = due();
    book.sent(messages, clock.now());
    return names(messages);
  }
  std::vector<std::string> names(const std::vector<AlertBook::Message>& messages) const {
    std::vector<std::string> all;
    for (const auto& message : messages)
      all.push_back(message.alert.labels.at("alertname") +
                    (message.ends <= clock.wall() ? " over" : ""));
    return all;
  }

  using Names = std::vector<std::string>;
  test::VirtualClock clock;
  AlertBook book;
};

TEST_F(AlertBookTest, tells_at_once_and_again_until_it_is_over) {
  EXPECT_EQ(book.next_due(), std::nullopt);
  wrong({alert("Split")});
  const auto first = due();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].starts, clock.wall());
  EXPECT_EQ(first[0].ends, clock.wall() + 60s) << "it ends by itself when rpoguard dies";
  book.sent(first, clock.now());
  EXPECT_EQ(tell(), Names{});
  EXPECT_EQ(book.next_due(), clock.now() + 15s);
  clock.advance(15s);
  const auto again = due();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].starts, first[0].starts);
  book.sent(again, clock.now());
  wrong({});
  EXPECT_EQ(tell(), Names{"Split over"});
  EXPECT_EQ(book.next_due(), std::nullopt);
}

TEST_F(AlertBookTest, waits_as_long_as_the_alert_wants_without_a_gap) {
  wrong({alert("Gate", 3s)});
  clock.advance(2s);
  EXPECT_EQ(tell(), Names{});
  wrong({});
  EXPECT_EQ(tell(), Names{}) << "nobody was told, so there is no end to tell";
  wrong({alert("Gate", 3s)});
  clock.advance(2s);
  wrong({alert("Gate", 3s)});
  EXPECT_EQ(tell(), Names{});
  clock.advance(1s);
  EXPECT_EQ(tell(), Names{"Gate"});
}

TEST_F(AlertBookTest, a_message_that_got_lost_is_told_again_at_once) {
  wrong({alert("Split")});
  EXPECT_EQ(names(due()), Names{"Split"});
  EXPECT_EQ(names(due()), Names{"Split"});
}

TEST_F(AlertBookTest, an_end_while_the_message_is_under_way_is_told_too) {
  wrong({alert("Split")});
  const auto under_way = due();
  wrong({});
  book.sent(under_way, clock.now());
  EXPECT_EQ(tell(), Names{"Split over"});
  EXPECT_EQ(tell(), Names{});
}

TEST_F(AlertBookTest, back_before_its_end_was_told_it_has_lasted) {
  wrong({alert("Gate", 3s)});
  clock.advance(3s);
  const auto first = due();
  book.sent(first, clock.now());
  wrong({});
  const auto end = due();
  EXPECT_EQ(names(end), Names{"Gate over"});
  wrong({alert("Gate", 3s)});
  book.sent(end, clock.now());
  const auto again = due();
  ASSERT_EQ(names(again), Names{"Gate"});
  EXPECT_EQ(again[0].starts, first[0].starts);
}

TEST_F(AlertBookTest, shards_do_not_touch_each_other_and_end_when_they_go) {
  wrong({alert("Split")});
  core::Alert other = alert("Split");
  other.labels["shard"] = "185";
  book.set("185", {other}, clock.now(), clock.wall());
  EXPECT_EQ(tell(), (Names{"Split", "Split"}));
  wrong({alert("Split")});
  EXPECT_EQ(tell(), Names{});
  book.keep_only({"184"}, clock.wall());
  EXPECT_EQ(tell(), Names{"Split over"});
}

}  // namespace
}  // namespace rpoguard::notify
