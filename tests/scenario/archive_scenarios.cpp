#include "tests/scenario/archive_scenarios.hpp"

#include "tests/scenario/world.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kBefore = 3s;
constexpr auto kFault = 15s;  // well beyond max_age
constexpr auto kQuiet = 35s;

std::function<void(ArchiveWorld&)> until_told_otherwise(const std::string& what) {
  return [what](ArchiveWorld& world) {
    world.pass(kBefore);
    world.tell(what);
    world.pass(kFault);
    world.no_more(what);
    world.await_healed();
  };
}

void idle(ArchiveWorld& world) {
  world.pass(kBefore);
  world.load().pause();
  world.pass(steady_time(kQuiet));
}

void drop(ArchiveWorld& world) {
  world.pass(kBefore);
  world.tell("drop");
  world.pass(5s);
  world.no_more("drop");
  world.pass(kFault);  // newer segments do not fill the hole
}

void hide(ArchiveWorld& world) {
  world.pass(kBefore);
  world.hide_repository();
  world.pass(kFault);
  world.show_repository();
  world.await_healed();
}

void restart(ArchiveWorld& world) {
  world.pass(kBefore);
  world.tell("hang");
  world.pass(4s);
  world.kill_writer();
  world.pass(1s);
  world.restart_writer();
  world.pass(kFault - 5s);
  world.no_more("hang");
  world.await_healed();
}

void promote(ArchiveWorld& world) {
  world.pass(kBefore);
  world.load().pause();  // one more segment would have nobody to archive it
  world.await_archived();
  world.kill_writer();
  world.fail_over();
  world.pass(kFault);
}

// A standby marks what it received as archived: nobody will ever archive what the dead writer had
// not.
void promote_behind(ArchiveWorld& world) {
  world.pass(kBefore);
  world.tell("hang");
  world.pass(6s);
  world.kill_writer();
  world.no_more("hang");
  world.fail_over();
  world.pass(kFault);
}

}  // namespace

const std::vector<ArchiveScenario>& archive_scenarios() {
  static const std::vector<ArchiveScenario> all{
      {.name = "archive_steady",
       .what = "load, nothing wrong",
       .run = [](ArchiveWorld& world) { world.pass(steady_time(kQuiet)); },
       .breaches = false,
       .quiet = true},
      {.name = "archive_idle",
       .what = "the writer falls silent",
       .run = idle,
       .breaches = false,
       .quiet = true},
      {.name = "archive_fail",
       .what = "archive_command exits 1",
       .run = until_told_otherwise("fail")},
      {.name = "archive_stuck",
       .what = "archive_command hangs",
       .run = until_told_otherwise("hang")},
      {.name = "archive_slow",
       .what = "archive_command takes longer than the writer to fill a segment",
       .run = until_told_otherwise("slow")},
      {.name = "archive_drop",
       .what = "archive_command exits 0 and stores nothing, for a while",
       .run = drop,
       .archiver_lies = true},
      {.name = "archive_hidden",
       .what = "rpoguard cannot look at the repository, and all is archived",
       .run = hide,
       .breaches = false,
       .hidden = true},
      {.name = "archive_restart",
       .what = "archive_command hangs, and the writer crashes meanwhile: its counters begin anew",
       .run = restart,
       .silence = true},
      {.name = "archive_promote",
       .what = "the writer dies with nothing to archive, phx-a is promoted and stamped",
       .run = promote,
       .breaches = std::nullopt,
       .silence = true},
      {.name = "archive_orphan",
       .what = "the writer dies with segments that were not archived, phx-a is promoted: a hole",
       .run = promote_behind,
       .silence = true,
       .archiver_lies = true},
  };
  return all;
}

}  // namespace rpoguard::test
