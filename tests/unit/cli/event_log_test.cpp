#include <gtest/gtest.h>

#include "exporter/cli/changes.hpp"
#include "exporter/core/event.hpp"

#include "tests/unit/core/event_cases.hpp"
#include "tests/unit/serve/golden.hpp"

namespace rpoguard::cli {
namespace {

using core::ShardView;
using core::test::EventCase;

std::string line_of(const LogLine& line) {
  const std::string level = line.level == Level::info      ? "info"
                            : line.level == Level::warning ? "warning"
                                                           : "error";
  return "  " + level + " " + render_logfmt(line) + "\n";
}

std::string line_of(const core::Event& event) {
  return std::string("  => ") + name_of(event.kind) + " shard=" + event.shard +
         " node=" + event.node + " from=" + event.from + " to=" + event.to +
         " reason=" + event.reason + " text=" + event.text + "\n";
}

std::string told(const EventCase& one) {
  const ShardView before = core::test::view_before(one);
  const ShardView after = core::test::view_after(one);
  const ShardView* known = one.before == nullptr ? nullptr : &before;
  std::string text = std::string(one.name) + "\n";
  for (const LogLine& line : changes_between(known, after)) text += line_of(line);
  for (const core::Event& event : core::events_between(known, after)) text += line_of(event);
  return text;
}

TEST(EventLog, tells_of_every_difference_as_agreed) {
  std::string all;
  for (const EventCase& one : core::test::event_cases()) all += told(one);
  EXPECT_EQ(all, test::golden("events.txt", all));
}

}  // namespace
}  // namespace rpoguard::cli
