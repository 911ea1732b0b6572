#pragma once

#include "exporter/base/result.hpp"

namespace rpoguard::core {

using base::Error;
using base::Result;

}  // namespace rpoguard::core
