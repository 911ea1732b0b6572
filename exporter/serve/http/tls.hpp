// TLS as a function from bytes to bytes: no socket, no file, no thread. Hides OpenSSL.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/web_spec.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace rpoguard::serve {

/// Certificate, key and rules of a listener. Immutable, may be shared between threads.
class TlsContext {
 public:
  /// Checks that certificate and key belong together. The error names the key of the file and
  /// repeats nothing of a secret.
  static base::Result<std::shared_ptr<const TlsContext>> make(const core::TlsSpec& spec);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// When the first certificate of the listener's own chain ends.
  core::WallTime expiry() const { return expiry_; }

 private:
  friend class TlsSession;
  explicit TlsContext(const core::TlsSpec& spec);
  std::string load(const core::TlsSpec& spec);
  std::string load_certificates(const std::string& pem);
  std::string load_key(const std::string& pem);
  std::string load_authorities(const std::string& pem);
  std::string set_rules(const core::TlsSpec& spec);

  const core::ClientAuth client_auth_;
  const std::vector<std::string> client_allowed_sans_;
  ssl_ctx_st* context_;
  core::WallTime expiry_{};
};

/// The server's side of one connection. Not thread-safe. No session is resumed, so that every
/// connection is judged by the rules of today.
class TlsSession {
 public:
  explicit TlsSession(std::shared_ptr<const TlsContext> context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class State {
    open,
    closed,  ///< the client said that it sends no more
    failed,  ///< no handshake, or garbage: send take_wire(), then close
  };
  /// Takes what was received, and appends to `plain` what it says.
  State receive(std::string_view wire, std::string& plain);
  /// Encrypts. REQUIRES: established()
  void send(std::string_view plain);
  /// Says that nothing more will be sent.
  void finish();
  /// What is to be sent now, also while the handshake goes on; once.
  std::string take_wire();

  bool established() const;
  /// By whose rules the client was let in.
  const TlsContext& context() const { return *context_; }
  /// The client has shown a certificate, and it was verified.
  bool client_is_verified() const;

 private:
  State read_all(std::string& plain);

  const std::shared_ptr<const TlsContext> context_;
  ssl_st* session_;
};

}  // namespace rpoguard::serve
