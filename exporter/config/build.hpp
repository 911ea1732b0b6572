// Values -> core::Spec.
#pragma once

#include "exporter/config/resolver.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::config {

/// Where the password of a connection comes from: the nearest level that names a file or a variable
/// counts as a whole, so that a node can replace one by the other.
core::PasswordSource password_source_of(const KeyResolver& resolver, ConnectAt at);

/// REQUIRES: no problem has been reported for these settings.
core::Spec build_spec(const KeyResolver& resolver);

}  // namespace rpoguard::config
