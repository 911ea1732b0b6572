#include "exporter/serve/http/tls.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "exporter/base/check.hpp"

namespace rpoguard::serve {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Names = std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)>;

// What a configuration can choose from, in TLS 1.2. OpenSSL's own choice is wider.
constexpr const char* kForwardSecret = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kCertificate = "tls_server_config.cert_file: ";
constexpr const char* kKey = "tls_server_config.key_file: ";
constexpr const char* kAuthority = "tls_server_config.client_ca_file: ";

Bio reader(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free_all};
}

// OpenSSL would ask for it on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Certificate next_certificate(BIO* from) {
  return {PEM_read_bio_X509(from, nullptr, no_passphrase, nullptr), &X509_free};
}

// Why the last call failed, in OpenSSL's words.
std::string reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* text = ERR_reason_error_string(code);
  ERR_clear_error();
  return text == nullptr ? "refused" : text;
}

core::WallTime end_of(const X509* certificate) {
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return {};
  return core::WallTime(std::chrono::seconds(::timegm(&end)));
}

std::string text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

bool is_name(const GENERAL_NAME* name, const std::string& wanted) {
  switch (name->type) {
    case GEN_DNS:
    case GEN_EMAIL:
    case GEN_URI:
      return text_of(name->d.ia5) == wanted;
    case GEN_IPADD: {
      const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> address(
          a2i_IPADDRESS(wanted.c_str()), &ASN1_OCTET_STRING_free);
      ERR_clear_error();
      return address != nullptr && ASN1_OCTET_STRING_cmp(address.get(), name->d.iPAddress) == 0;
    }
    default:
      return false;
  }
}

bool has_one_of(const X509* certificate, const std::vector<std::string>& wanted) {
  const Names names(static_cast<GENERAL_NAMES*>(
                        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
                    &GENERAL_NAMES_free);
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (std::ranges::any_of(wanted, [&](const auto& text) { return is_name(name, text); }))
      return true;
  }
  return false;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
  constexpr std::string_view kHttp = "\x08http/1.1";
  unsigned char* selected = nullptr;
  const int outcome =
      SSL_select_next_proto(&selected, length, reinterpret_cast<const unsigned char*>(kHttp.data()),
                            static_cast<unsigned int>(kHttp.size()), offered, offered_length);
  *chosen = selected;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

int version_of(core::TlsVersion version) {
  return version == core::TlsVersion::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// OpenSSL's name for a cipher suite of TLS 1.2; empty: of TLS 1.3, which are always on.
std::string cipher_name(const std::string& iana) {
  const char* name = OPENSSL_cipher_name(iana.c_str());
  return iana.find("_WITH_") == std::string::npos || name == nullptr ? "" : name;
}

std::string joined(const std::vector<std::string>& words,
                   std::string (*convert)(const std::string&)) {
  std::string text;
  for (const std::string& word : words) {
    const std::string converted = convert(word);
    if (!converted.empty()) text += (text.empty() ? "" : ":") + converted;
  }
  return text;
}

std::string curve_name(const std::string& go) {
  constexpr std::string_view kNist = "CurveP";
  return go.starts_with(kNist) ? "P-" + go.substr(kNist.size()) : go;
}

int verify_mode(core::ClientAuth auth) {
  switch (auth) {
    case core::ClientAuth::none:
      return SSL_VERIFY_NONE;
    case core::ClientAuth::request:
    case core::ClientAuth::verify_if_given:
      return SSL_VERIFY_PEER;
    case core::ClientAuth::require_any:
    case core::ClientAuth::require_and_verify:
      break;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

}  // namespace

base::Result<std::shared_ptr<const TlsContext>> TlsContext::make(const core::TlsSpec& spec) {
  const std::shared_ptr<TlsContext> context(new TlsContext(spec));
  ERR_clear_error();
  if (std::string problem = context->load(spec); !problem.empty())
    return base::Error{std::move(problem)};
  return std::shared_ptr<const TlsContext>(context);
}

TlsContext::TlsContext(const core::TlsSpec& spec)
    : client_auth_(spec.client_auth),
      client_allowed_sans_(spec.client_allowed_sans),
      context_(SSL_CTX_new(TLS_server_method())) {
  RPOGUARD_CHECK(context_ != nullptr);
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

std::string TlsContext::load(const core::TlsSpec& spec) {
  if (auto problem = load_certificates(spec.certificate); !problem.empty()) return problem;
  if (auto problem = load_key(spec.key); !problem.empty()) return problem;
  if (auto problem = load_authorities(spec.client_ca); !problem.empty()) return problem;
  return set_rules(spec);
}

std::string TlsContext::load_certificates(const std::string& pem) {
  const Bio bio = reader(pem);
  const Certificate own = next_certificate(bio.get());
  if (own == nullptr) return kCertificate + std::string("no certificate in PEM form");
  if (SSL_CTX_use_certificate(context_, own.get()) != 1) return kCertificate + reason();
  expiry_ = end_of(own.get());
  while (const Certificate issuer = next_certificate(bio.get())) {
    if (SSL_CTX_add1_chain_cert(context_, issuer.get()) != 1) return kCertificate + reason();
  }
  // Running out of certificates is not an error, a damaged one is.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string problem = at_end ? "" : kCertificate + std::string("a damaged certificate");
  ERR_clear_error();
  return problem;
}

std::string TlsContext::load_key(const std::string& pem) {
  const Key key(PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, no_passphrase, nullptr),
                &EVP_PKEY_free);
  ERR_clear_error();
  if (key == nullptr) return kKey + std::string("no private key in PEM form without a passphrase");
  if (SSL_CTX_use_PrivateKey(context_, key.get()) != 1 ||
      SSL_CTX_check_private_key(context_) != 1) {
    ERR_clear_error();
    return kKey + std::string("does not belong to the certificate");
  }
  return {};
}

std::string TlsContext::load_authorities(const std::string& pem) {
  if (pem.empty()) return {};
  const Bio bio = reader(pem);
  int count = 0;
  while (const Certificate authority = next_certificate(bio.get())) {
    ++count;
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context_, authority.get()) != 1)
      return kAuthority + reason();
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count == 0 || !at_end) return kAuthority + std::string("no or damaged certificates");
  return {};
}

std::string TlsContext::set_rules(const core::TlsSpec& spec) {
  std::uint64_t options = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
  if (spec.prefer_server_cipher_suites) options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
  SSL_CTX_set_options(context_, options);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context_, 0);
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context_, choose_protocol, nullptr);
  const std::string ciphers = joined(spec.cipher_suites, cipher_name);
  // Only suites of TLS 1.3 are wanted.
  const bool only_13 = !spec.cipher_suites.empty() && ciphers.empty();
  const int least = only_13 ? TLS1_3_VERSION : version_of(spec.min_version);
  if (least > version_of(spec.max_version))
    return "tls_server_config: cipher_suites has none for max_version TLS12";
  const std::string curves = joined(spec.curve_preferences, curve_name);
  if (SSL_CTX_set_min_proto_version(context_, least) != 1 ||
      SSL_CTX_set_max_proto_version(context_, version_of(spec.max_version)) != 1 ||
      SSL_CTX_set_cipher_list(context_, ciphers.empty() ? kForwardSecret : ciphers.c_str()) != 1 ||
      (!curves.empty() && SSL_CTX_set1_groups_list(context_, curves.c_str()) != 1))
    return "tls_server_config: " + reason();
  SSL_CTX_set_verify(context_, verify_mode(client_auth_), nullptr);
  // In place of OpenSSL's own; runs only if the client shows a certificate.
  const auto verify = [](X509_STORE_CTX* store, void* self) {
    const auto* context = static_cast<const TlsContext*>(self);
    if (!core::verifies(context->client_auth_)) return 1;
    if (X509_verify_cert(store) != 1) return 0;
    const auto& names = context->client_allowed_sans_;
    if (names.empty() || has_one_of(X509_STORE_CTX_get0_cert(store), names)) return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  };
  SSL_CTX_set_cert_verify_callback(context_, verify, this);
  return {};
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context)
    : context_(std::move(context)), session_(SSL_new(context_->context_)) {
  RPOGUARD_CHECK(session_ != nullptr);
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  RPOGUARD_CHECK(in != nullptr && out != nullptr);
  // Nothing there yet is not the end.
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(session_, in, out);
  SSL_set_accept_state(session_);
}

TlsSession::~TlsSession() {
  SSL_free(session_);
}

TlsSession::State TlsSession::receive(std::string_view wire, std::string& plain) {
  ERR_clear_error();
  std::size_t taken = 0;
  if (BIO_write_ex(SSL_get_rbio(session_), wire.data(), wire.size(), &taken) != 1)
    return State::failed;
  if (!established()) {
    const int outcome = SSL_do_handshake(session_);
    if (outcome != 1) {
      const bool waits = SSL_get_error(session_, outcome) == SSL_ERROR_WANT_READ;
      ERR_clear_error();
      return waits ? State::open : State::failed;
    }
  }
  return read_all(plain);
}

TlsSession::State TlsSession::read_all(std::string& plain) {
  std::array<char, 4096> buffer;
  for (;;) {
    std::size_t count = 0;
    if (SSL_read_ex(session_, buffer.data(), buffer.size(), &count) == 1) {
      plain.append(buffer.data(), count);
      continue;
    }
    const int error = SSL_get_error(session_, 0);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ) return State::open;
    return error == SSL_ERROR_ZERO_RETURN ? State::closed : State::failed;
  }
}

void TlsSession::send(std::string_view plain) {
  RPOGUARD_CHECK(established());
  if (plain.empty()) return;
  std::size_t taken = 0;
  ERR_clear_error();
  // Into memory: all of it or, after an error of the session, nothing.
  static_cast<void>(SSL_write_ex(session_, plain.data(), plain.size(), &taken));
}

void TlsSession::finish() {
  if (established()) static_cast<void>(SSL_shutdown(session_));
  ERR_clear_error();
}

std::string TlsSession::take_wire() {
  BIO* out = SSL_get_wbio(session_);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string wire(data, static_cast<std::size_t>(size));
  static_cast<void>(BIO_reset(out));
  return wire;
}

bool TlsSession::established() const {
  return SSL_is_init_finished(session_) == 1;
}

bool TlsSession::client_is_verified() const {
  return core::verifies(context_->client_auth_) && SSL_get0_peer_certificate(session_) != nullptr &&
         SSL_get_verify_result(session_) == X509_V_OK;
}

}  // namespace rpoguard::serve
