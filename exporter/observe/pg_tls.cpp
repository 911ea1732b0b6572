#include "exporter/observe/pg_tls.hpp"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace rpoguard::observe {

void TlsVerdict::Free::operator()(ssl_st* session) const {
  SSL_free(session);
}

void TlsVerdict::watch(void* session) {
  auto* its = static_cast<ssl_st*>(session);
  if (its == session_.get()) return;
  session_.reset();
  if (its != nullptr && SSL_up_ref(its) == 1) session_.reset(its);
}

std::string TlsVerdict::problem() const {
  // Without a root certificate OpenSSL has its doubts too, and nobody asked for them.
  const bool asked = session_ && (SSL_get_verify_mode(session_.get()) & SSL_VERIFY_PEER) != 0;
  const long result = asked ? SSL_get_verify_result(session_.get()) : X509_V_OK;
  return result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
}

}  // namespace rpoguard::observe
