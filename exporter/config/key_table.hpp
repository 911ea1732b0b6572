// The rows of the key table; keys.hpp is how to look at them.
#pragma once

#include <vector>

#include "exporter/config/keys.hpp"

namespace rpoguard::config {

/// All rows in the order of the reference file.
std::vector<Key> make_key_table();

}  // namespace rpoguard::config
