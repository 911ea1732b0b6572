#include "exporter/serve/ops/journal.hpp"

#include <thread>

#include <nlohmann/json.hpp>

namespace rpoguard::serve {
namespace {

using nlohmann::json;

std::string event(int number) {
  return "{\"n\":" + std::to_string(number) + "}";
}

TEST(JournalTest, starts_empty_and_puts_the_newest_last) {
  Journal journal;
  EXPECT_EQ(json::parse(journal.render("")), (json{{"events", json::array()}, {"forgotten", 0}}));
  journal.append("184", event(1));
  journal.append("185", event(2));
  EXPECT_EQ(json::parse(journal.render(""))["events"].dump(), R"([{"n":1},{"n":2}])");
}

TEST(JournalTest, filters_by_shard_and_keeps_what_concerns_all) {
  Journal journal;
  journal.append("184", event(1));
  journal.append("", event(2));
  journal.append("185", event(3));
  EXPECT_EQ(json::parse(journal.render("185"))["events"].dump(), R"([{"n":2},{"n":3}])");
  EXPECT_EQ(json::parse(journal.render("nope"))["events"].dump(), R"([{"n":2}])");
}

TEST(JournalTest, forgets_the_oldest_and_says_how_many) {
  Journal journal;
  const int more = 5;
  const int most = static_cast<int>(core::limits::kJournalEventsMax);
  for (int i = 0; i < most + more; ++i) journal.append("184", event(i));
  const json all = json::parse(journal.render(""));
  EXPECT_EQ(all["events"].size(), core::limits::kJournalEventsMax);
  EXPECT_EQ(all["events"].front()["n"], more);
  EXPECT_EQ(all["forgotten"], more);
}

TEST(JournalTest, is_read_while_it_is_written) {
  Journal journal;
  std::thread writer([&] {
    for (int i = 0; i < 500; ++i) journal.append("184", event(i));
  });
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(json::accept(journal.render("")));
  writer.join();
  EXPECT_EQ(json::parse(journal.render(""))["events"].size(), 500U);
}

}  // namespace
}  // namespace rpoguard::serve
