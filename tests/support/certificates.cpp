#include "tests/support/certificates.hpp"

#include <stdexcept>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

void openssl(const std::filesystem::path& directory, std::vector<std::string> words) {
  words.insert(words.begin(), "openssl");
  const CommandResult result = run_command({.argv = words, .directory = directory});
  if (result.exit_code != 0) throw std::runtime_error("openssl: " + result.output);
}

}  // namespace

void make_authority(const std::filesystem::path& directory, const std::string& name) {
  openssl(directory,
          {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-days", "2", "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".crt"});
}

void make_certificate(const std::filesystem::path& directory, const std::string& name,
                      const CertificateOptions& options) {
  write_file(directory / (name + ".ext"), "subjectAltName=" + options.san + "\n");
  openssl(directory, {"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                      "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".csr"});
  openssl(directory,
          {"x509", "-req", "-in", name + ".csr", "-CA", options.authority + ".crt", "-CAkey",
           options.authority + ".key", "-CAcreateserial", "-days", std::to_string(options.days),
           "-extfile", name + ".ext", "-out", name + ".crt"});
}

}  // namespace rpoguard::test
