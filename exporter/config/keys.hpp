// The one table of all configuration keys.
#pragma once

#include <span>
#include <typeindex>

#include "exporter/config/key.hpp"
#include "exporter/config/member.hpp"

namespace rpoguard::config {

/// All keys in the order of the reference file. The rows live as long as the program.
std::span<const Key> all_keys();

/// The key of the member that a Path names. REQUIRES: a row has it.
const Key& key_of(std::type_index path);
/// key_of<&core::ShardSpec::gate, &core::GateSpec::mode>()
template <auto... Steps>
const Key& key_of() {
  static const Key& key = key_of(typeid(Path<Steps...>));
  return key;
}

}  // namespace rpoguard::config
