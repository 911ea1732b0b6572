// Basic authentication (RFC 7617) against bcrypt hashes.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "exporter/base/mutex.hpp"

namespace rpoguard::serve {

/// bcrypt by crypt(3). Takes 50 to 100 ms at a cost of 10. Thread-safe.
bool bcrypt_matches(const std::string& password, const std::string& hash);

/// Checks passwords and remembers the verdicts, for bcrypt is slow on purpose. What is remembered
/// is a keyed digest (HMAC-SHA-256 with a key of this process), never a password. Thread-safe.
class BasicAuth {
 public:
  using Users = std::map<std::string, std::string>;  ///< name -> bcrypt hash

  BasicAuth();

  enum class Verdict {
    right,
    wrong,  ///< also: no or another kind of credentials
    busy,   ///< too many unknown passwords at once; ask again
  };
  /// `authorization` is the header. An unknown user takes as long as a wrong password of the user
  /// whose hash is the dearest: give all of them the same cost. At most one
  /// hash is computed at a time, and few wait for that: the processor is for the probes. No more
  /// than half of them are of one `client` (an address), so that one who guesses shuts nobody out.
  Verdict check(const Users& users, std::string_view authorization, const std::string& client);

 private:
  // The digests of one verdict, the oldest leaves first.
  struct Memory {
    std::set<std::string> digests;
    std::deque<std::string> order;
  };
  std::string digest(std::string_view user, std::string_view password, std::string_view hash) const;
  bool known(const std::string& digest, Verdict& verdict) const REQUIRES(mutex_);
  void remember(const std::string& digest, bool right) REQUIRES(mutex_);

  const std::string key_;
  mutable base::Mutex mutex_;
  Memory right_ GUARDED_BY(mutex_);
  Memory wrong_ GUARDED_BY(mutex_);
  std::multiset<std::string> waiting_ GUARDED_BY(mutex_);  // their addresses
  base::Mutex computing_;  // guards the processor: one hash at a time
};

}  // namespace rpoguard::serve
