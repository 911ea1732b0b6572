// Where passwords come from.
#pragma once

#include <functional>
#include <string>

#include "exporter/base/result.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::observe {

/// Gives the password for a source, read anew at each call. Injected, because only config/ reads
/// secrets.
using PasswordReader = std::function<base::Result<std::string>(const core::PasswordSource&)>;

}  // namespace rpoguard::observe
