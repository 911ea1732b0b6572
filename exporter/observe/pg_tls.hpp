// Why a server's certificate was refused: libpq says only that it was.
#pragma once

#include <memory>
#include <string>

struct ssl_st;  // OpenSSL's SSL

namespace rpoguard::observe {

/// Keeps the TLS session of a connection attempt for as long as the attempt lasts: libpq frees its
/// own before it says that the handshake failed. Not thread-safe.
class TlsVerdict {
 public:
  /// `session`: PQsslStruct(conn, "OpenSSL"); null: there is none (yet). Idempotent.
  void watch(void* session);
  /// What OpenSSL holds against the certificate, such as "certificate has expired"; empty: nothing,
  /// it never came so far, or it was not to verify.
  std::string problem() const;
  void forget() { session_.reset(); }

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  std::unique_ptr<ssl_st, Free> session_;
};

}  // namespace rpoguard::observe
