// Comparing secrets.
#pragma once

#include <string_view>

namespace rpoguard::base {

/// Takes as long whatever part of `presented` is right, so that nobody can guess the secret piece
/// by piece. Its length is no secret.
bool equal_in_constant_time(std::string_view presented, std::string_view secret);

}  // namespace rpoguard::base
