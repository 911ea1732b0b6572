#include "tests/sim/shrink.hpp"

#include <algorithm>
#include <memory>
#include <vector>

namespace rpoguard::sim {
namespace {

constexpr int kRunsMax = 400;

std::string kind_of(const std::string& message) {
  return message.substr(0, message.find_first_of("0123456789"));
}

class Shrinker {
 public:
  Shrinker(const WorldMaker& make, const std::string& broken)
      : make_(make), kind_(kind_of(broken)) {}

  // ddmin with complements only: what is left out stays out.
  std::vector<std::size_t> smallest(std::vector<std::size_t> faults) {
    for (std::size_t chunk = std::max<std::size_t>(1, faults.size() / 2);;) {
      bool removed = false;
      for (std::size_t at = 0; at < faults.size();) {
        std::vector<std::size_t> without = faults;
        const auto begin = without.begin() + static_cast<std::ptrdiff_t>(at);
        const auto count = std::min(chunk, faults.size() - at);
        without.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
        if (still_breaks(without)) {
          faults = std::move(without);
          removed = true;
        } else {
          at += chunk;
        }
      }
      if (chunk == 1 && !removed) return faults;
      chunk = std::max<std::size_t>(1, chunk / 2);
    }
  }

 private:
  bool still_breaks(const std::vector<std::size_t>& faults) {
    if (++runs_ > kRunsMax) return false;
    const auto world = make_({.faults = std::set(faults.begin(), faults.end())});
    const auto broken = world->run();
    return broken && kind_of(*broken) == kind_;
  }

  const WorldMaker& make_;
  std::string kind_;
  int runs_ = 0;
};

}  // namespace

Shrunk shrink(const WorldMaker& make, const std::string& broken) {
  const auto whole = make({});
  whole->run();
  std::vector<std::size_t> faults(whole->faults_drawn());
  for (std::size_t number = 0; number < faults.size(); ++number) faults[number] = number;
  const auto left = Shrinker(make, broken).smallest(faults);

  Shrunk shrunk{broken, {left.begin(), left.end()}, faults.size(), ""};
  const auto world = make({.traced = true, .faults = shrunk.faults});
  shrunk.broken = world->run().value_or(broken);
  shrunk.trace = world->trace();
  return shrunk;
}

}  // namespace rpoguard::sim
