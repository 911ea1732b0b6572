// What a listener shows its clients and demands of them: a validated web configuration file, with
// the files that it names already read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rpoguard::core {

/// Go's crypto/tls names, which the file uses.
enum class ClientAuth {
  NoClientCert,
  RequestClientCert,     ///< asked for, never verified
  RequireAnyClientCert,  ///< must be there, never verified
  VerifyClientCertIfGiven,
  RequireAndVerifyClientCert,
};

/// True if a certificate that a client shows is verified.
constexpr bool verifies(ClientAuth auth) {
  return auth == ClientAuth::VerifyClientCertIfGiven ||
         auth == ClientAuth::RequireAndVerifyClientCert;
}

enum class TlsVersion { TLS12, TLS13 };

struct TlsSpec {
  std::string certificate{};  ///< PEM: the listener's own first, then its issuers
  std::string key{};          ///< PEM; a secret
  std::string client_ca{};    ///< PEM; empty: none
  ClientAuth client_auth = ClientAuth::NoClientCert;
  std::vector<std::string> client_allowed_sans{};  ///< one must be in the certificate; empty: any
  TlsVersion min_version = TlsVersion::TLS12;
  TlsVersion max_version = TlsVersion::TLS13;
  std::vector<std::string> cipher_suites{};      ///< IANA names; empty: the library's choice
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
