// What a listener shows its clients and demands of them: a validated web configuration file, with
// the files that it names already read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rpoguard::core {

/// What is asked of a client's certificate, from nothing to everything; as in Go's crypto/tls.
enum class ClientAuth {
  none,
  request,      ///< asked for, never verified
  require_any,  ///< must be there, never verified
  verify_if_given,
  require_and_verify,
};

/// True if a certificate that a client shows is verified.
constexpr bool verifies(ClientAuth auth) {
  return auth == ClientAuth::verify_if_given || auth == ClientAuth::require_and_verify;
}

enum class TlsVersion { tls12, tls13 };

struct TlsSpec {
  std::string certificate{};  ///< PEM: the listener's own first, then its issuers
  std::string key{};          ///< PEM; a secret
  std::string client_ca{};    ///< PEM; empty: none
  ClientAuth client_auth = ClientAuth::none;
  std::vector<std::string> client_allowed_sans{};  ///< one must be in the certificate; empty: any
  TlsVersion min_version = TlsVersion::tls12;
  TlsVersion max_version = TlsVersion::tls13;
  std::vector<std::string> cipher_suites{};      ///< IANA names; empty: all that can be named
  std::vector<std::string> curve_preferences{};  ///< Go names; empty: the library's choice
  bool prefer_server_cipher_suites = true;
  friend bool operator==(const TlsSpec&, const TlsSpec&) = default;
};

struct WebSpec {
  std::optional<TlsSpec> tls{};                                ///< absent: plain HTTP
  std::map<std::string, std::string> users{};                  ///< name -> bcrypt hash
  std::vector<std::pair<std::string, std::string>> headers{};  ///< added to every answer
  friend bool operator==(const WebSpec&, const WebSpec&) = default;
};

}  // namespace rpoguard::core
