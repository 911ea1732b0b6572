// Text of one scalar -> typed value, as the key table says. Strict: nothing is guessed, rounded or
// converted.
#pragma once

#include <optional>

#include "exporter/base/result.hpp"
#include "exporter/config/key.hpp"
#include "exporter/config/member.hpp"
#include "exporter/config/reader.hpp"

namespace rpoguard::config {

/// Reads one node that is no list. The error's message is the problem; it repeats the
/// text only where that cannot be a secret.
base::Result<Value> parse_value(const Key& key, const Node& node);

/// The value when the key is not written. nullopt: it is required or derived from other keys.
std::optional<Value> default_of(const Key& key);

}  // namespace rpoguard::config
