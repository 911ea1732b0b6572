#include "exporter/run/recorder.hpp"

#include <nlohmann/json.hpp>

#include "exporter/run/event_json.hpp"

#include "tests/support/virtual_clock.hpp"

namespace rpoguard::run {
namespace {

using nlohmann::json;

core::Event closed() {
  return {.kind = core::EventKind::gate_closed,
          .shard = "184",
          .from = "open",
          .to = "closed",
          .reason = "rpo_exceeded",
          .text = "it is late"};
}

TEST(EventJson, has_every_field_and_null_where_there_is_nothing) {
  const core::RecordedEvent recorded{"7-1", core::WallTime(std::chrono::seconds(1)), closed()};
  EXPECT_EQ(render_event(recorded),
            R"({"id":"7-1","type":"rpoguard.gate_closed","timestamp":"1970-01-01T00:00:01.000Z",)"
            R"("data":{"kind":"gate_closed","shard":"184","node":null,"from":"open",)"
            R"("to":"closed","reason":"rpo_exceeded","text":"it is late"}})");
}

TEST(EventJson, is_one_line_of_utf8_whatever_a_server_said) {
  core::Event event = closed();
  event.text = "bad\xff \"quoted\"\nnext";
  const std::string text = render_event({"7-1", {}, event});
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(json::parse(text)["data"]["text"], "bad\xEF\xBF\xBD \"quoted\"\nnext");
}

TEST(RecorderTest, gives_each_event_its_own_id_and_hands_it_to_the_journal_and_on) {
  test::VirtualClock clock;
  serve::Journal journal;
  std::vector<std::string> ids;
  Recorder recorder(clock, journal,
                    [&](const core::RecordedEvent& recorded, const std::string& text) {
                      ids.push_back(recorded.id);
                      EXPECT_EQ(recorded.at, clock.wall());
                      EXPECT_EQ(recorded.event, closed());
                      EXPECT_EQ(text, render_event(recorded));
                    });
  recorder.record(closed());
  clock.advance(std::chrono::seconds(1));
  recorder.record(closed());
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_NE(ids[0], ids[1]);
  Recorder later(clock, journal, [&](const core::RecordedEvent& recorded, const std::string&) {
    ids.push_back(recorded.id);
  });
  later.record(closed());
  EXPECT_NE(ids[2], ids[0]) << "another run";
  EXPECT_EQ(json::parse(journal.render(""))["events"].size(), 3U);
}

TEST(RecorderTest, leaves_to_the_log_what_only_the_log_tells) {
  test::VirtualClock clock;
  serve::Journal journal;
  int passed_on = 0;
  Recorder recorder(clock, journal,
                    [&](const core::RecordedEvent&, const std::string&) { ++passed_on; });
  recorder.record({.kind = core::EventKind::node_silent, .shard = "184", .node = "iad-a"});
  EXPECT_EQ(passed_on, 0);
  EXPECT_EQ(json::parse(journal.render(""))["events"].size(), 0U);
}

}  // namespace
}  // namespace rpoguard::run
