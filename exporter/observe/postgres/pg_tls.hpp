// Why a server's certificate was refused: libpq says only that it was.
#pragma once

#include <memory>
#include <string>

struct ssl_st;             // OpenSSL's SSL
struct crypto_ex_data_st;  // and CRYPTO_EX_DATA

namespace rpoguard::observe {

/// Keeps the TLS session of a connection attempt for as long as the attempt lasts: libpq frees its
/// own before it says that the handshake failed, and on a busy machine it makes a session and fails
/// within one call. Not thread-safe.
class TlsVerdict {
 public:
  /// While it lives, a session that OpenSSL makes on this thread is that of the attempt. Lives for
  /// one call of libpq; not to be nested.
  class Watch {
   public:
    explicit Watch(TlsVerdict& verdict);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
  };

  /// What OpenSSL holds against the certificate, such as "certificate has expired"; empty: nothing,
  /// it never came so far, or it was not to verify.
  std::string problem() const;
  void forget() { session_.reset(); }

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  static void on_new(void* session, void*, crypto_ex_data_st*, int, long, void*);

  std::unique_ptr<ssl_st, Free> session_;
};

}  // namespace rpoguard::observe
