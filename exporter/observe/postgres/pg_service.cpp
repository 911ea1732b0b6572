#include "exporter/observe/postgres/pg_service.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include "exporter/base/text.hpp"
#include "exporter/observe/postgres/pg_failure.hpp"
#include "exporter/observe/system/one_line.hpp"

namespace rpoguard::observe {

namespace {

using core::ConnectSpec;
using core::ProbeFailure;

template <std::size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

constexpr std::array<std::string_view, 3> kOfNodes{"host", "hostaddr", "port"};
// prefer and allow may end in clear text.
constexpr std::array<std::string_view, 4> kSslmodes{"disable", "require", "verify-ca",
                                                    "verify-full"};
constexpr std::array<std::string_view, 3> kBindings{"disable", "prefer", "require"};

// Where the value of a keyword goes; null: rpoguard takes none.
std::string* place_of(std::string_view keyword, Login& login) {
  ConnectSpec& spec = login.spec;
  const std::array<std::pair<std::string_view, std::string*>, 10> places{{
      {"dbname", &spec.dbname},
      {"user", &spec.user},
      {"password", &login.secrets.password},
      {"passfile", &spec.password.passfile},
      {"sslmode", &spec.sslmode},
      {"sslrootcert", &spec.sslrootcert},
      {"sslcert", &spec.sslcert},
      {"sslkey", &spec.sslkey},
      {"sslpassword", &login.secrets.key_passphrase},
      {"channel_binding", &spec.channel_binding},
  }};
  const auto* found = std::ranges::find(places, keyword, &decltype(places)::value_type::first);
  return found == places.end() ? nullptr : found->second;
}

/// Reads one section into a login.
class Section {
 public:
  explicit Section(const ConnectSpec& spec)
      : login_{spec}, header_("[" + spec.service.name + "]") {}

  /// The problem; empty: none.
  std::string read(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return "it has a zero byte";
    for (int number = 1; !text.empty() && !ended_; ++number) {
      const std::string problem = take(base::trim(base::take_until(text, '\n')));
      if (!problem.empty()) return "line " + std::to_string(number) + ": " + problem;
    }
    return inside_ ? "" : "there is no such section";
  }

  /// What TLS would lack; empty: nothing.
  std::string tls_problem() const {
    const ConnectSpec& spec = login_.spec;
    const bool may_say = std::ranges::count(spec.service.fills, "sslmode") != 0;
    if (spec.sslmode.starts_with("verify-") && spec.sslrootcert.empty())
      return "sslmode " + spec.sslmode + " without sslrootcert";
    if (spec.sslcert.empty() != spec.sslkey.empty()) return "one of sslcert and sslkey is missing";
    if (may_say && !seen_.contains("sslmode") && !(spec.sslrootcert + spec.sslcert).empty())
      return "certificates without sslmode, which would not use them";
    return {};
  }

  Login take_login() && { return std::move(login_); }

 private:
  std::string take(std::string_view line) {
    if (line.empty() || line.starts_with('#')) return {};
    if (line.starts_with('[')) {
      ended_ = inside_;
      inside_ = inside_ || line.starts_with(header_);
      return {};
    }
    if (!inside_) return {};
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return "it is not keyword=value";
    return set(std::string(line.substr(0, equals)), line.substr(equals + 1));
  }

  std::string set(const std::string& keyword, std::string_view value) {
    if (among(kOfNodes, keyword)) return keyword + " is named by the configuration, not here";
    std::string* place = place_of(keyword, login_);
    if (place == nullptr) return "a keyword that rpoguard does not take";
    if (value.empty() || !seen_.insert(keyword).second) return {};
    if (keyword == "sslmode" && !among(kSslmodes, value))
      return "sslmode is none of disable, require, verify-ca, verify-full";
    if (keyword == "channel_binding" && !among(kBindings, value))
      return "channel_binding is none of disable, prefer, require";
    if (std::ranges::count(login_.spec.service.fills, keyword) != 0) *place = value;
    return {};
  }

  Login login_;
  const std::string header_;
  std::set<std::string, std::less<>> seen_;
  bool inside_ = false;
  bool ended_ = false;
};

}  // namespace

std::variant<Login, core::ProbeError> with_service(const ConnectSpec& spec, std::string_view text) {
  const auto error = [&](ProbeFailure reason, const std::string& problem) {
    return core::ProbeError{reason, one_line("cannot use service " + spec.service.name + " of " +
                                             spec.service.file + ": " + problem)};
  };
  Section section(spec);
  if (const auto problem = section.read(text); !problem.empty())
    return error(ProbeFailure::auth_failed, problem);
  if (const auto problem = section.tls_problem(); !problem.empty())
    return error(ProbeFailure::tls_failed, problem);
  return std::move(section).take_login();
}

}  // namespace rpoguard::observe
