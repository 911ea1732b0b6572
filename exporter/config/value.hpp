// Text of one scalar -> typed value, as the key table says. Strict: nothing is guessed, rounded or
// converted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "exporter/config/keys.hpp"
#include "exporter/config/reader.hpp"
#include "exporter/core/result.hpp"
#include "exporter/core/spec.hpp"
#include "exporter/core/units.hpp"

namespace rpoguard::config {

/// A duration, or the word that stands for none (Range::or_word "off").
using MaybeDuration = std::optional<core::Duration>;

/// Which alternative a key yields: address ListenSpec; boolean bool; duration MaybeDuration;
/// integer std::int64_t; number double; labels and command the list; all others the text.
using Value = std::variant<std::string, bool, std::int64_t, double, MaybeDuration, core::ListenSpec,
                           std::vector<std::string>>;

/// Reads one node that is no list. The error's message is the problem; it repeats the
/// text only where that cannot be a secret.
core::Result<Value> parse_value(const Key& key, const Node& node);

/// The value when the key is not written. nullopt: it is required or derived from other keys.
std::optional<Value> default_of(const Key& key);

}  // namespace rpoguard::config
