// A secret and where it comes from.
#pragma once

#include <string>
#include <utility>

#include "exporter/base/result.hpp"
#include "exporter/core/model/spec.hpp"

namespace rpoguard::config {

/// Holds a secret. Prints as "<redacted>"; the text leaves only through reveal().
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

/// Reads the password file (one trailing newline is dropped), the environment variable, or the
/// whole text of the service file (at most 64 KiB), anew at each call. No source set: an empty
/// secret. The error names the file or the variable, never its content.
base::Result<Secret> read_password(const core::PasswordSource& source);

/// The same, revealed: for whoever connects with it.
base::Result<std::string> reveal_password(const core::PasswordSource& source);

}  // namespace rpoguard::config
