#include "exporter/core/model/hook.hpp"

#include <algorithm>
#include <array>

namespace rpoguard::core {
namespace {

constexpr std::array<const char*, kHookTypeCount> kTypeNames{"webhook", "command", "sql",
                                                             "alertmanager"};

}  // namespace

const char* name_of(HookType type) {
  return kTypeNames.at(static_cast<std::size_t>(type));
}

bool HookSpec::wants(EventKind kind) const {
  if (type == HookType::alertmanager) return false;
  return events.empty() || std::ranges::find(events, kind) != events.end();
}

}  // namespace rpoguard::core
