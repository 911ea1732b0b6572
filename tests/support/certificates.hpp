// Certificates made by openssl, as an operator makes them.
#pragma once

#include <filesystem>
#include <string>

namespace rpoguard::test {

/// An authority in `directory`: NAME.crt, NAME.key. Throws std::runtime_error when openssl fails,
/// as do the others.
void make_authority(const std::filesystem::path& directory, const std::string& name);

struct CertificateOptions {
  std::string authority{};                         ///< its name in the directory
  std::string san = "DNS:localhost,IP:127.0.0.1";  ///< subjectAltName
  int days = 2;
};
/// NAME.crt, NAME.key, signed by the authority.
void make_certificate(const std::filesystem::path& directory, const std::string& name,
                      const CertificateOptions& options);

/// The bcrypt hash (cost 4) of "sesame".
inline constexpr const char* kSesameHash =
    "$2b$04$abcdefghijklmnopqrstuuinwY/tkBVrn3xrxQI/TgnMHhkvl85RW";

}  // namespace rpoguard::test
