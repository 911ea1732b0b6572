// The other side of a TLS connection, without a socket.
#pragma once

#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace rpoguard::test {

/// OpenSSL's client between bytes and bytes; trusts every server. Not thread-safe.
class TlsClient {
 public:
  explicit TlsClient(int version = 0) : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
    if (version != 0) SSL_CTX_set_max_proto_version(context_.get(), version);
  }
  void show(const std::string& certificate, const std::string& key) {
    EXPECT_EQ(SSL_CTX_use_certificate_file(context_.get(), certificate.c_str(), SSL_FILETYPE_PEM),
              1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_.get(), key.c_str(), SSL_FILETYPE_PEM), 1);
  }
  /// The only cipher suites of TLS 1.2, by OpenSSL's names.
  void offer(const char* suites) { EXPECT_EQ(SSL_CTX_set_cipher_list(context_.get(), suites), 1); }
  /// Bytes for the server; `wire` is what it said.
  std::string turn(const std::string& wire) {
    if (!ssl_) {
      ssl_.reset(SSL_new(context_.get()));
      SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
      SSL_set_connect_state(ssl_.get());
    }
    if (!wire.empty())
      BIO_write(SSL_get_rbio(ssl_.get()), wire.data(), static_cast<int>(wire.size()));
    if (SSL_is_init_finished(ssl_.get()) != 1) SSL_do_handshake(ssl_.get());
    std::array<char, 4096> buffer;
    for (int count = 1; count > 0;) {
      count = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (count > 0) heard_.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return pending();
  }
  std::string say(const std::string& text) {
    EXPECT_EQ(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
    return pending();
  }
  /// New keys, please, and the server is to take new ones too (TLS 1.3).
  std::string rekey() {
    EXPECT_EQ(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    EXPECT_EQ(SSL_do_handshake(ssl_.get()), 1);
    return pending();
  }
  std::string goodbye() {
    SSL_shutdown(ssl_.get());
    return pending();
  }
  const std::string& heard() const { return heard_; }
  bool established() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  bool ended() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  bool reused() const { return SSL_session_reused(ssl_.get()) == 1; }
  const char* cipher() const { return SSL_get_cipher_name(ssl_.get()); }

 private:
  std::string pending() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
    std::string wire(data, static_cast<std::size_t>(size));
    BIO_reset(SSL_get_wbio(ssl_.get()));
    return wire;
  }
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, &SSL_free};
  std::string heard_;
};

}  // namespace rpoguard::test
