#include "exporter/run/event_log.hpp"

#include <gtest/gtest.h>

#include "exporter/core/tell/compare.hpp"

#include "tests/unit/core/event_cases.hpp"
#include "tests/unit/serve/golden.hpp"

namespace rpoguard::run {
namespace {

using core::Event;
using core::EventKind;
using core::test::EventCase;

std::string line_of(const LogLine& line) {
  const std::string level = line.level == Level::info      ? "info"
                            : line.level == Level::warning ? "warning"
                                                           : "error";
  return "  " + level + " " + render_logfmt(line) + "\n";
}

std::string line_of(const Event& event) {
  return std::string("  => ") + name_of(event.kind) + " shard=" + event.shard +
         " node=" + event.node + " from=" + event.from + " to=" + event.to +
         " reason=" + event.reason + " text=" + event.text + "\n";
}

std::string told(const EventCase& one) {
  const core::ShardView before = core::test::view_before(one);
  std::string log;
  std::string events;
  for (const Event& event : core::events_between(one.before == nullptr ? nullptr : &before,
                                                 core::test::view_after(one))) {
    if (const auto line = log_line_of(event)) log += line_of(*line);
    if (core::is_told(event.kind)) events += line_of(event);
  }
  return std::string(one.name) + "\n" + log + events;
}

TEST(EventLog, tells_of_every_difference_as_agreed) {
  std::string all;
  for (const EventCase& one : core::test::event_cases()) all += told(one);
  EXPECT_EQ(all, test::golden("events.txt", all));
}

std::string log_of(const Event& event) {
  const auto line = log_line_of(event);
  return line ? line_of(*line) : "";
}

TEST(EventLog, takes_members_and_details_in_the_order_of_the_row) {
  Event event{.kind = EventKind::gate_closed,
              .shard = "184",
              .reason = "rpo_exceeded",
              .text = "it is late",
              .details = {{"rpo", "5s"}, {"exposure", "6s"}}};
  EXPECT_EQ(log_of(event),
            "  warning msg=\"gate closed\" shard=184 reason=rpo_exceeded exposure=6s rpo=5s "
            "detail=\"it is late\"\n");
  event.details.clear();
  EXPECT_EQ(log_of(event),
            "  warning msg=\"gate closed\" shard=184 reason=rpo_exceeded detail=\"it is late\"\n")
      << "what is not known is left out";
}

TEST(EventLog, of_the_process_names_no_shard) {
  EXPECT_EQ(log_of({.kind = EventKind::config_refused, .text = "no"}),
            "  error msg=\"configuration not reloaded, the old one stays\" error=no\n");
  EXPECT_EQ(
      log_of(
          {.kind = EventKind::config_reloaded, .text = "3 shards", .details = {{"shards", "3"}}}),
      "  info msg=\"configuration reloaded\" shards=3\n");
}

TEST(EventLog, says_who_forgot_a_rival_and_why) {
  EXPECT_EQ(
      log_of({.kind = EventKind::rival_forgotten,
              .shard = "184",
              .node = "phx-a",
              .text = "phx-a is no rival any more, forgotten by jo: it is fenced",
              .details = {{"by", "jo"}, {"reason", "it is fenced"}}}),
      "  warning msg=\"rival forgotten\" shard=184 node=phx-a by=jo reason=\"it is fenced\"\n");
}

TEST(EventLog, leaves_to_others_what_it_says_otherwise) {
  EXPECT_FALSE(log_line_of({.kind = EventKind::split_brain, .shard = "184"}));
}

}  // namespace
}  // namespace rpoguard::run
