// Operators who waive the RPO for a while: whatever is wrong then, and also where nothing is.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "tests/sim/world.hpp"

namespace rpoguard::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Chance streams of waivers begin here: they change no other draw.
constexpr std::uint64_t kWaiverStreams = 1'300'000;

bool is_of_proof(core::Reason reason) {
  return reason == core::Reason::rpo_exceeded || reason == core::Reason::unproven;
}

}  // namespace

void World::waive_meanwhile(std::size_t fault) {
  Random chance(seed_, kWaiverStreams + fault);
  if (!chance.one_in(4)) return;
  const Duration begin = chance.between(milliseconds(100), seconds(15));
  const Duration length = chance.between(seconds(2), seconds(100));
  const bool ended = chance.one_in(3);
  const Duration ended_after = chance.between(milliseconds(100), length);
  const std::string why = "order " + std::to_string(fault);
  queue_.after(begin, [this, length, why] {
    const auto until =
        sidecar_.wall() + std::chrono::duration_cast<core::WallTime::duration>(length);
    const auto before = waiver_ordered_;
    waiver_ordered_ = core::waiver_by("operator", why, until);
    if (!sidecar_.set_waiver(waiver_ordered_)) {
      waiver_ordered_ = before;
    } else if (queue_.traced()) {
      queue_.tell("WAIVED for " + core::render_duration(length));
    }
  });
  if (ended) queue_.after(begin + ended_after, [this, why] { unwaive(why); });
}

// Ends this one, unless it has ended or another has taken its place.
void World::unwaive(const std::string& why) {
  if (!waiver_ordered_ || !waiver_ordered_->why.ends_with(why)) return;
  const auto ordered = std::exchange(waiver_ordered_, std::nullopt);
  if (queue_.traced()) queue_.tell("UNWAIVED");
  if (!sidecar_.set_waiver(std::nullopt)) waiver_ordered_ = ordered;
}

// What an operator waives is waived until then, or until a copy is proven again, and not longer;
// meanwhile no exceeded RPO closes the gate.
void World::judge_order() {
  const auto& view = *sidecar_.view();
  const bool there = view.waiver && !view.waiver->by.empty();
  if (!there) {
    const bool due = !waiver_ordered_ || waiver_ordered_->until <= sidecar_.wall() || view.waiver ||
                     std::ranges::none_of(view.gate.reasons, is_of_proof);
    if (!due) fail("what an operator has waived until later is not waived any more");
    waiver_ordered_.reset();
    return;
  }
  if (!waiver_ordered_ || view.waiver->why != waiver_ordered_->why)
    return fail("a waiver that no operator has ordered, or one that was ended: " +
                view.waiver->why);
  if (view.writer && waiver_ordered_->until <= sidecar_.wall())
    fail("the waiver of an operator outlives its time");
  if (std::ranges::count(view.gate.reasons, core::Reason::rpo_exceeded) > 0)
    fail("the RPO is waived, and closes the gate");
}

}  // namespace rpoguard::sim
