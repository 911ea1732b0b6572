// Certificates for tests, made by openssl.
#pragma once

#include <string>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {

/// A certificate and its key as files; the key may be read by its owner only.
struct Identity {
  std::string certificate{};
  std::string key{};
};

struct IdentityOptions {
  std::string name{};               ///< common name
  std::string alternative_names{};  ///< e.g. "DNS:localhost"; empty: none
  int days = 2;                     ///< until it expires; negative: it has expired
  std::string passphrase{};         ///< of the key; empty: none
};

/// A certificate authority that nobody knows. Throws std::runtime_error. Not thread-safe.
class TestAuthority {
 public:
  TestAuthority();
  std::string certificate() const { return dir_ / "ca.crt"; }
  Identity issue(const IdentityOptions& options);

 private:
  void openssl(std::vector<std::string> words) const;

  TempDir dir_;
  int issued_ = 0;
};

}  // namespace rpoguard::test
