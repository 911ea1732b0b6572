// The parts of an http(s) URL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/base/result.hpp"

namespace rpoguard::core {

struct Url {
  bool tls = false;         ///< https
  std::string host;         ///< name or address; IPv6 without its brackets
  std::uint16_t port = 80;  ///< 443 with https, unless the URL says another
  std::string target;       ///< path and query as written, with a leading slash
  friend bool operator==(const Url&, const Url&) = default;
};

/// Letters, digits, "-", "." and "_", at most 253 bytes (RFC 1035), as resolvers take them.
bool is_host_name(std::string_view text);

/// Splits "http[s]://HOST[:PORT][/PATH][?QUERY]" (RFC 3986, in lower case up to the host). Refuses
/// a user or password, a fragment, and every character that a URL must percent-encode. The error
/// never repeats the text: it may hold a secret.
base::Result<Url> split_url(std::string_view text);

}  // namespace rpoguard::core
