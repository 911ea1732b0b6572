// Stamps where none was due: once more on the same writer, and of a number that was used before.
#include "tests/sim/world.hpp"

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Chance streams of what comes with a fault begin here: they change no other draw.
constexpr std::uint64_t kStampStreams = 500'000;
constexpr std::uint64_t kRestoreStreams = 600'000;

}  // namespace

bool World::owns_its_stamp(std::size_t node) const {
  const Server& server = cluster_.servers()[node];
  return cluster_.history().stamp_at({server.timeline, server.inserted}).region == server.region;
}

// Somebody hopes that a stamp opens the gate. Nothing was promoted, so no copy was lost.
void World::stamp_once_more(std::size_t fault) {
  Random chance(seed_, kStampStreams + fault);
  if (!chance.one_in(4)) return;
  queue_.after(chance.between(milliseconds(100), seconds(15)), [this] {
    if (failing_over_ || !owns_its_stamp(primary_)) return;
    during(
        seconds(1), "stamped once more " + cluster_.servers()[primary_].name,
        [this] { cluster_.stamp(primary_, cluster_.servers()[primary_].region); }, [] {});
  });
}

// The writer is stamped, seen, restored to before that, and stamped again: the same number, and
// another history. Ends with a stamp above all that was ever seen, and everything rebuilt.
bool World::restores_instead(std::size_t fault) {
  if (profile_.timeline_epochs || !Random(seed_, kRestoreStreams + fault).one_in(4)) return false;
  failing_over_ = true;
  ++faults_active_;
  ++tally_.faults;
  quiet_since_.reset();
  const Server& writer = cluster_.servers()[primary_];
  const Position before{writer.timeline, writer.flushed};
  const std::string region = writer.region;
  if (queue_.traced()) queue_.tell("STAMPED, TO BE RESTORED " + writer.name);
  cluster_.stamp(primary_, region);
  const Duration restored_after = chance_.between(seconds(5), seconds(15));
  const Duration stamped_after = restored_after + chance_.between(seconds(1), seconds(5));
  queue_.after(restored_after, [this, before] {
    if (queue_.traced()) queue_.tell("RESTORED " + cluster_.servers()[primary_].name);
    cluster_.restore(primary_, before);
    ++tally_.restores;
  });
  queue_.after(stamped_after, [this, region] { cluster_.stamp(primary_, region); });
  queue_.after(stamped_after + chance_.between(seconds(5), seconds(30)), [this] { repair(); });
  return true;
}

}  // namespace rpoguard::sim
