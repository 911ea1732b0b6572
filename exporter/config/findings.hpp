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

/// Known and set: nothing is concluded from a value that was refused, nor from "off".
template <typename T>
Chosen<T> if_set(const Chosen<std::optional<T>>& chosen) {
  return {.key = chosen.key,
          .value = chosen.value ? *chosen.value : std::nullopt,
          .written = chosen.written};
}

/// True when `key` stands in `defaults` and `by` in the shard itself: what the shard replaces may
/// leave other keys of `defaults` without use, and that is no mistake.
template <typename By, typename Of>
bool replaces(const Chosen<By>& by, const Chosen<Of>& key) {
  return by.written && key.written && by.written->path.starts_with("shards[") &&
         key.written->path.starts_with(kDefaults);
}

/// As messages name a key: "probe.timeout".
template <typename T>
std::string name_of(const Chosen<T>& chosen) {
  return short_name(*chosen.key);
}

/// "probe.timeout (2s)". REQUIRES: it has a value
std::string render_named(const Chosen<core::Duration>& duration);

/// Report that `small < large` and `value >= least` do not hold.
void require_less(const Chosen<core::Duration>& small, const Chosen<core::Duration>& large,
                  Report& report);
void require_at_least(const Chosen<core::Duration>& value, const Chosen<core::Duration>& least,
                      Report& report);

}  // namespace rpoguard::config
