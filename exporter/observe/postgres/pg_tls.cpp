#include "exporter/observe/postgres/pg_tls.hpp"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace rpoguard::observe {
namespace {

thread_local TlsVerdict* watching = nullptr;

}  // namespace

void TlsVerdict::Free::operator()(ssl_st* session) const {
  SSL_free(session);
}

// Called by SSL_new: libpq has no other hook before the handshake. The session counts its
// references by then.
void TlsVerdict::on_new(void* session, void*, crypto_ex_data_st*, int, long, void*) {
  auto* its = static_cast<ssl_st*>(session);
  if (watching != nullptr && SSL_up_ref(its) == 1) watching->session_.reset(its);
}

TlsVerdict::Watch::Watch(TlsVerdict& verdict) {
  static const int kRegistered = SSL_get_ex_new_index(0, nullptr, on_new, nullptr, nullptr);
  if (kRegistered >= 0) watching = &verdict;
}

TlsVerdict::Watch::~Watch() {
  watching = nullptr;
}

std::string TlsVerdict::problem() const {
  // Without a root certificate OpenSSL has its doubts too, and nobody asked for them.
  const bool asked = session_ && (SSL_get_verify_mode(session_.get()) & SSL_VERIFY_PEER) != 0;
  const long result = asked ? SSL_get_verify_result(session_.get()) : X509_V_OK;
  return result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
}

}  // namespace rpoguard::observe
