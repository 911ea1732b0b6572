// Secrets put where rpoguard reads them, and looked for where it writes.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace rpoguard::test {

/// The ways in which a secret may stand in a text: as it is, percent-encoded, in hexadecimal, and
/// in base64 wherever it begins.
std::vector<std::string> forms_of(const std::string& secret);

/// Not thread-safe.
class Planted {
 public:
  /// A secret that nobody else has, with characters that each encoding changes.
  std::string plant(const std::string& name);
  /// One that the test made itself, of at least 8 bytes.
  void watch(const std::string& name, const std::string& secret) { secrets_[name] = secret; }

  /// Names of those that stand in the text in any form, each with the form; empty: none.
  std::string found_in(const std::string& text) const;
  const std::map<std::string, std::string>& secrets() const { return secrets_; }

 private:
  std::map<std::string, std::string> secrets_;
};

}  // namespace rpoguard::test
