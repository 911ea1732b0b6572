#include "exporter/config/secret.hpp"

#include <cstdlib>

#include "exporter/config/file.hpp"

namespace rpoguard::config {
namespace {

constexpr std::size_t kPasswordBytesMax = 4096;
constexpr std::size_t kServiceFileBytesMax = 65536;

base::Error problem(std::string message, std::string hint = {}) {
  return {.message = std::move(message), .hint = std::move(hint)};
}

base::Result<Secret> read_from_file(const std::string& path) {
  // Called on the loop thread: a pipe put in the file's place must not block it.
  auto content = read_file(path, kPasswordBytesMax, Waiting::fail);
  if (!content.ok()) return content.error();
  std::string text = std::move(content).value();
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return problem("password file " + path + " is empty");
  if (text.find('\0') != std::string::npos) {
    return problem("password file " + path + " has a zero byte");  // libpq would stop there
  }
  return Secret(std::move(text));
}

base::Result<Secret> read_whole(const std::string& path) {
  auto content = read_file(path, kServiceFileBytesMax, Waiting::fail);
  if (!content.ok()) return content.error();
  return Secret(std::move(content).value());
}

base::Result<Secret> read_from_environment(const std::string& name) {
  const char* text = std::getenv(name.c_str());
  if (text == nullptr || *text == '\0') {
    return problem("environment variable " + name + " is not set",
                   "set it before rpoguard starts, or use password_file");
  }
  return Secret(text);
}

}  // namespace

base::Result<Secret> read_password(const core::PasswordSource& source) {
  if (!source.file.empty()) return read_from_file(source.file);
  if (!source.env.empty()) return read_from_environment(source.env);
  if (!source.service_file.empty()) return read_whole(source.service_file);
  return Secret();
}

base::Result<std::string> reveal_password(const core::PasswordSource& source) {
  const auto secret = read_password(source);
  if (!secret) return secret.error();
  return secret.value().reveal();
}

}  // namespace rpoguard::config
