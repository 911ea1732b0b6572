#include "tests/support/test_authority.hpp"

#include <stdexcept>

#include <sys/stat.h>

#include "tests/support/process.hpp"

namespace rpoguard::test {
namespace {

const std::vector<std::string> kNewKey{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"};

void append(std::vector<std::string>& words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
}

}  // namespace

TestAuthority::TestAuthority() {
  std::vector<std::string> words{
      "req",   "-x509", "-nodes",  "-subj",  "/CN=" + dir_.path().filename().string(),
      "-days", "2",     "-keyout", "ca.key", "-out",
      "ca.crt"};
  append(words, kNewKey);
  openssl(words);
}

Identity TestAuthority::issue(const IdentityOptions& options) {
  const std::string name = std::to_string(++issued_);
  std::vector<std::string> request{"req",     "-new",        "-subj", "/CN=" + options.name,
                                   "-keyout", name + ".key", "-out",  name + ".csr"};
  append(request, kNewKey);
  append(request, options.passphrase.empty()
                      ? std::vector<std::string>{"-nodes"}
                      : std::vector<std::string>{"-passout", "pass:" + options.passphrase});
  if (!options.alternative_names.empty())
    append(request, {"-addext", "subjectAltName=" + options.alternative_names});
  openssl(request);
  openssl({"x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days",
           std::to_string(options.days), "-copy_extensions", "copy", "-out", name + ".crt"});
  const Identity identity{dir_ / (name + ".crt"), dir_ / (name + ".key")};
  if (::chmod(identity.key.c_str(), 0600) != 0) throw std::runtime_error("cannot close the key");
  return identity;
}

void TestAuthority::openssl(std::vector<std::string> words) const {
  words.insert(words.begin(), "openssl");
  const CommandResult made = run_command({.argv = words, .directory = dir_.path()});
  if (made.exit_code != 0) throw std::runtime_error("openssl: " + made.output);
}

}  // namespace rpoguard::test
