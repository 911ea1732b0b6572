#include "exporter/notify/sign.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "exporter/base/check.hpp"
#include "exporter/base/text.hpp"

namespace rpoguard::notify {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kKeyBytesMin = 24;
constexpr std::size_t kKeyBytesMax = 64;
constexpr std::size_t kSecretCharsMax = 88;  // 64 bytes in base64

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(bytes),
                                     static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

// EVP_DecodeBlock skips blanks and counts padding as bytes, so the shape is checked here.
std::optional<std::string> unbase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > kSecretCharsMax) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const auto digit = [](char c) {
    return base::is_digit(c) || base::is_letter(c) || c == '+' || c == '/';
  };
  if (!std::ranges::all_of(text.substr(0, text.size() - padding), digit)) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text),
                                     static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(length) - padding);
  return out;
}

std::string hmac_sha256(const SigningKey& key, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  RPOGUARD_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text),
                      text.size(), digest.data(), &length) != nullptr);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

}  // namespace

base::Result<std::vector<SigningKey>> parse_signing_keys(std::string_view text) {
  std::vector<SigningKey> keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = base::take_until(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto key =
        line.starts_with(kPrefix) ? unbase64(line.substr(kPrefix.size())) : std::nullopt;
    if (!key || key->size() < kKeyBytesMin || key->size() > kKeyBytesMax) {
      return base::Error{"line " + std::to_string(number) +
                         " of the secret file is not whsec_ and "
                         "the base64 of 24 to 64 bytes"};
    }
    keys.push_back(*key);
  }
  if (keys.empty()) return base::Error{"the secret file holds no secret"};
  return keys;
}

std::string sign(const std::vector<SigningKey>& keys, std::string_view id, std::int64_t timestamp,
                 std::string_view body) {
  RPOGUARD_CHECK(id.find('.') == std::string_view::npos);
  const std::string signed_text =
      std::string(id) + "." + std::to_string(timestamp) + "." + std::string(body);
  std::string header;
  for (const SigningKey& key : keys) {
    header += header.empty() ? "v1," : " v1,";
    header += base64(hmac_sha256(key, signed_text));
  }
  return header;
}

}  // namespace rpoguard::notify
