// What the checks of contradictions share: how values are looked at, compared and named.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "exporter/config/report.hpp"
#include "exporter/config/resolver.hpp"

namespace rpoguard::config {

std::string quote(const std::string& text);

/// The first place that is written. REQUIRES: one is. The defaults of the key table contradict
/// nothing (tested: the smallest file loads), so what takes part in a contradiction is written.
Place first_of(std::initializer_list<std::optional<Place>> written);

/// What is sent to this URL leaves the host, and can be read on the way.
bool goes_in_clear_text(const std::string& url);

/// A duration that is known and set; nothing is concluded from one that was refused.
std::optional<core::Duration> duration_of(const Chosen<MaybeDuration>& chosen);

/// True when `key` stands in `defaults` and `by` in the shard itself: what the shard replaces may
/// leave other keys of `defaults` without use, and that is no mistake.
template <typename By, typename Of>
bool replaces(const Chosen<By>& by, const Chosen<Of>& key) {
  return by.written && key.written && by.written->path.starts_with("shards[") &&
         key.written->path.starts_with("defaults.");
}

/// A duration as messages name it.
struct NamedDuration {
  std::string name;
  Chosen<MaybeDuration> chosen;
};

/// "probe.timeout (2s)". REQUIRES: duration_of(named.chosen)
std::string render_named(const NamedDuration& named);

/// Report that `small < large` and `value >= least` do not hold.
void require_less(const NamedDuration& small, const NamedDuration& large, Report& report);
void require_at_least(const NamedDuration& value, const NamedDuration& least, Report& report);

}  // namespace rpoguard::config
