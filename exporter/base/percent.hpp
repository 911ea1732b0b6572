// Percent-encoding (RFC 3986, 2.1).
#pragma once

#include <string>
#include <string_view>

namespace rpoguard::base {

struct PercentEncoding {
  /// What stays as it is besides letters and digits. By default the unreserved characters, so that
  /// the result may stand in any part of a path or query.
  std::string_view kept = "-._~";
  bool lower_case = false;  ///< %2f instead of %2F
};
std::string percent_encode(std::string_view text, PercentEncoding how = {});

/// Undoes it; a '%' without two hexadecimal digits behind it stays. `plus_is_space`: as in the
/// query of a form.
std::string percent_decode(std::string_view text, bool plus_is_space = false);

}  // namespace rpoguard::base
