#include "exporter/serve/http/basic_auth.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "exporter/base/check.hpp"
#include "exporter/base/constant_time.hpp"
#include "exporter/base/text.hpp"

namespace rpoguard::serve {
namespace {

constexpr std::size_t kKeyBytes = 32;
// Wrong ones have a memory of their own: whoever guesses cannot push the right ones out.
constexpr std::size_t kRemembered = 256;
// One computes, the others wait for it; the listener has eight threads.
constexpr std::size_t kWaitingMax = 4;
constexpr std::size_t kWaitingOfOneMax = kWaitingMax / 2;
constexpr std::string_view kBasic = "Basic ";
constexpr std::size_t kCredentialBytesMax = 1024;
// What the hash of an unknown user is made of: a salt of 22 characters.
constexpr std::string_view kNobodysSalt = "abcdefghijklmnopqrstuu";

std::string random_key() {
  std::string key(kKeyBytes, '\0');
  RPOGUARD_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), kKeyBytes) == 1);
  return key;
}

struct Credentials {
  std::string user;
  std::string password;
};

std::optional<Credentials> parse(std::string_view authorization) {
  if (authorization.size() > kCredentialBytesMax) return std::nullopt;
  // The scheme is case-insensitive (RFC 9110, 11.1).
  if (!base::starts_with_ignoring_case(authorization, kBasic)) return std::nullopt;
  const std::string_view encoded = authorization.substr(kBasic.size());
  std::string text(encoded.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(encoded.data()),
                                   static_cast<int>(encoded.size()));
  if (size < 0) return std::nullopt;
  // It counts the bytes that the padding stands for.
  const auto padding = std::count(encoded.begin(), encoded.end(), '=');
  text.resize(static_cast<std::size_t>(size) -
              static_cast<std::size_t>(std::min<long>(padding, size)));
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || text.find('\0') != std::string::npos) return std::nullopt;
  return Credentials{text.substr(0, colon), text.substr(colon + 1)};
}

// As dear as the dearest of the users, and matched by no password: it is too short.
std::string nobodys_hash(const BasicAuth::Users& users) {
  std::string cost = "10";
  if (!users.empty()) cost = "04";
  for (const auto& [user, hash] : users) cost = std::max(cost, hash.substr(4, 2));
  return "$2b$" + cost + "$" + std::string(kNobodysSalt);
}

}  // namespace

bool bcrypt_matches(const std::string& password, const std::string& hash) {
  const auto work = std::make_unique<crypt_data>();
  const char* computed = ::crypt_r(password.c_str(), hash.c_str(), work.get());
  const bool same =
      computed != nullptr && !hash.empty() && base::equal_in_constant_time(computed, hash);
  OPENSSL_cleanse(work.get(), sizeof(*work));
  return same;
}

BasicAuth::BasicAuth() : key_(random_key()) {}

BasicAuth::Verdict BasicAuth::check(const Users& users, std::string_view authorization,
                                    const std::string& client) {
  const auto credentials = parse(authorization);
  if (!credentials) return Verdict::wrong;
  const auto user = users.find(credentials->user);
  const std::string hash = user == users.end() ? nobodys_hash(users) : user->second;
  const std::string key = digest(credentials->user, credentials->password, hash);
  Verdict verdict = Verdict::wrong;
  {
    const base::MutexLock lock(mutex_);
    if (known(key, verdict)) return verdict;
    if (waiting_.size() >= kWaitingMax || waiting_.count(client) >= kWaitingOfOneMax)
      return Verdict::busy;
    waiting_.insert(client);
  }
  const base::MutexLock one_at_a_time(computing_);
  {
    // Whoever computed before may have had the same question.
    const base::MutexLock lock(mutex_);
    if (known(key, verdict)) {
      waiting_.erase(waiting_.find(client));
      return verdict;
    }
  }
  const bool right = bcrypt_matches(credentials->password, hash);
  const base::MutexLock lock(mutex_);
  waiting_.erase(waiting_.find(client));
  remember(key, right);
  return right ? Verdict::right : Verdict::wrong;
}

std::string BasicAuth::digest(std::string_view user, std::string_view password,
                              std::string_view hash) const {
  std::string text;
  // None of the three holds a zero byte. The hash is in it: a changed password is a new question.
  text.append(user).append(1, '\0').append(password).append(1, '\0').append(hash);
  std::array<unsigned char, EVP_MAX_MD_SIZE> result{};
  unsigned int size = 0;
  const bool done = HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
                         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                         result.data(), &size) != nullptr;
  OPENSSL_cleanse(text.data(), text.size());
  RPOGUARD_CHECK(done);
  return {reinterpret_cast<const char*>(result.data()), size};
}

bool BasicAuth::known(const std::string& digest, Verdict& verdict) const {
  if (!right_.digests.contains(digest) && !wrong_.digests.contains(digest)) return false;
  verdict = right_.digests.contains(digest) ? Verdict::right : Verdict::wrong;
  return true;
}

void BasicAuth::remember(const std::string& digest, bool right) {
  Memory& memory = right ? right_ : wrong_;
  if (!memory.digests.insert(digest).second) return;
  memory.order.push_back(digest);
  if (memory.order.size() <= kRemembered) return;
  memory.digests.erase(memory.order.front());
  memory.order.pop_front();
}

}  // namespace rpoguard::serve
