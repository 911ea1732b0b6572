// A small blocking HTTP client. Not for the probing loop: call it on a thread that may wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "exporter/base/result.hpp"

namespace rpoguard::net {

struct HttpGet {
  std::string host;  ///< name or address, IPv6 without brackets; a certificate must be for it
  std::uint16_t port = 0;
  std::string path;                         ///< with its query, percent-encoded
  std::chrono::milliseconds timeout{3000};  ///< for the whole exchange, the name look-up apart
  std::size_t body_bytes_max = 64 * 1024 * 1024;  ///< a longer body is an error
  bool tls = false;                               ///< https; the certificate is verified
  std::string ca_file{};    ///< authority to verify it by; empty: the system's
  std::string cert_file{};  ///< client certificate, with key_file; empty: none
  std::string key_file{};
  std::string address{};       ///< connect to this numeric address; empty: look the host up
  std::string bearer_token{};  ///< printable ASCII, or it is refused; empty: none
  std::string credentials{};   ///< USER:PASSWORD for basic authentication; empty: none
};

struct HttpPost {
  HttpGet to;
  std::vector<std::pair<std::string, std::string>> headers{};  ///< printable ASCII
  std::string content_type = "application/json";
  std::string body{};
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string retry_after{};  ///< the header of this name, as it stands there
};

/// Why there is no answer.
enum class HttpFailure {
  cannot_connect,
  cut_short,  ///< the connection ended, or the deadline did
  too_large,
  tls_failed,  ///< no handshake, or a certificate that is not trusted
  bad_token,   ///< it may not stand in a header
};
/// "cannot connect"
const char* text_of(HttpFailure failure);

/// Any status is an answer; no answer, a cut one or one too large is a failure. Follows no
/// redirects. Ends within a few `timeout`s whatever the peer does. Thread-safe.
std::variant<HttpAnswer, HttpFailure> http_exchange(const HttpGet& get);

/// Sends a body, with the same promises.
std::variant<HttpAnswer, HttpFailure> http_post(const HttpPost& post);

/// http_exchange() for a command line: the error names the address.
base::Result<HttpAnswer> http_get(const HttpGet& get);

}  // namespace rpoguard::net
