// Signatures of webhooks, as https://www.standardwebhooks.com has them (HMAC-SHA256). Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.hpp"

namespace rpoguard::notify {

/// Raw bytes of a secret. Never logged.
using SigningKey = std::string;

/// Reads "whsec_" + base64 of 24 to 64 bytes, one a line; several while a secret is being replaced.
/// The error names a line, never what is in it.
base::Result<std::vector<SigningKey>> parse_signing_keys(std::string_view text);

/// The value of the header webhook-signature: one "v1,<base64>" for each key. `timestamp` in unix
/// seconds, of this try. REQUIRES: `id` has no full stop.
std::string sign(const std::vector<SigningKey>& keys, std::string_view id, std::int64_t timestamp,
                 std::string_view body);

}  // namespace rpoguard::notify
