// Finds a key by its path, as tests name it.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

#include "exporter/config/keys.hpp"

namespace rpoguard::config {

/// Throws std::out_of_range when the table has no such key.
inline const Key& key_at(std::string_view path) {
  const auto found = std::ranges::find(all_keys(), path, &Key::path);
  if (found == all_keys().end()) throw std::out_of_range("no key " + std::string(path));
  return *found;
}

}  // namespace rpoguard::config
