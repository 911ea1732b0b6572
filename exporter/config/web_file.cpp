#include "exporter/config/web_file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "exporter/base/check.hpp"
#include "exporter/base/text.hpp"
#include "exporter/config/file.hpp"
#include "exporter/config/reader.hpp"
#include "exporter/config/report.hpp"
#include "exporter/config/text.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::config {
namespace {

using core::TlsSpec;

using Names = std::span<const std::string_view>;
using Texts = std::vector<std::string>;

constexpr std::size_t kPemBytesMax = 1024 * 1024;
constexpr std::size_t kUsersMax = 100;
constexpr std::size_t kHeaderBytesMax = 4096;

// In the order of core::ClientAuth and core::TlsVersion.
constexpr std::array<std::string_view, 5> kClientAuth{
    "NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert"};
constexpr std::array<std::string_view, 2> kVersions{"TLS12", "TLS13"};
constexpr std::array<std::string_view, 4> kCurves{"CurveP256", "CurveP384", "CurveP521", "X25519"};
// Those of TLS 1.3 are always on, as in Go; of the older ones, those with forward secrecy.
constexpr std::array<std::string_view, 9> kCipherSuites{
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"};

// PEM text stands under `name`, or in a file of which the path stands under `file_name`.
struct PemKey {
  std::string_view name;
  std::string_view file_name;
  std::string TlsSpec::*member;
  bool required = false;
};
constexpr std::array kPemKeys{
    PemKey{.name = "cert",
           .file_name = "cert_file",
           .member = &TlsSpec::certificate,
           .required = true},
    PemKey{.name = "client_ca", .file_name = "client_ca_file", .member = &TlsSpec::client_ca},
    PemKey{.name = "key", .file_name = "key_file", .member = &TlsSpec::key, .required = true},
};

using TlsMember = std::variant<core::ClientAuth TlsSpec::*, core::TlsVersion TlsSpec::*,
                               Texts TlsSpec::*, bool TlsSpec::*>;
struct TlsKey {
  std::string_view name;
  TlsMember member;
  Names choices{};
};
constexpr std::array kTlsKeys{
    TlsKey{.name = "cipher_suites", .member = &TlsSpec::cipher_suites, .choices = kCipherSuites},
    TlsKey{.name = "client_allowed_sans", .member = &TlsSpec::client_allowed_sans},
    TlsKey{.name = "client_auth_type", .member = &TlsSpec::client_auth, .choices = kClientAuth},
    TlsKey{.name = "curve_preferences", .member = &TlsSpec::curve_preferences, .choices = kCurves},
    TlsKey{.name = "max_version", .member = &TlsSpec::max_version, .choices = kVersions},
    TlsKey{.name = "min_version", .member = &TlsSpec::min_version, .choices = kVersions},
    TlsKey{.name = "prefer_server_cipher_suites", .member = &TlsSpec::prefer_server_cipher_suites},
};

std::string name_of(TlsMember member) {
  const auto* found = std::ranges::find(kTlsKeys, member, &TlsKey::member);
  RPOGUARD_CHECK(found != kTlsKeys.end());
  return std::string(found->name);
}

constexpr std::string_view kHeadersKey = "headers";
constexpr std::string_view kHttp2Key = "http2";
constexpr std::array kHttpKeys{kHeadersKey, kHttp2Key};

constexpr std::string_view kContentTypeOptions = "X-Content-Type-Options";
constexpr std::string_view kFrameOptions = "X-Frame-Options";
constexpr std::array<std::string_view, 5> kHeaders{"Content-Security-Policy",
                                                   "Strict-Transport-Security", kContentTypeOptions,
                                                   kFrameOptions, "X-XSS-Protection"};

constexpr const char* kBcrypt =
    "a bcrypt hash with a cost of 4 to 15, e.g. from htpasswd -nB -C 10 USER";

std::string render(Names names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::vector<std::string_view> all_tls_names() {
  std::vector<std::string_view> names;
  for (const PemKey& key : kPemKeys) names.insert(names.end(), {key.name, key.file_name});
  for (const TlsKey& key : kTlsKeys) names.push_back(key.name);
  std::ranges::sort(names);
  return names;
}

// Anything else may be a secret in the wrong place. Names of cipher suites are longer than words.
bool is_shown(std::string_view text) {
  const auto of_a_suite = [](char c) {
    return base::is_upper_letter(c) || base::is_digit(c) || c == '_';
  };
  return is_plain_word(text) ||
         (text.starts_with("TLS_") && text.size() < 64 && std::ranges::all_of(text, of_a_suite));
}

// A value with its place.
struct Given {
  const Node* node;
  Place place;
};
using Map = std::map<std::string, Given, std::less<>>;

class WebReader {
 public:
  WebReader(std::filesystem::path directory, WebListener listener, Report& report)
      : directory_(std::move(directory)), listener_(listener), report_(report) {}

  core::WebSpec read(const Node& root) {
    core::WebSpec spec;
    std::vector<std::string_view> names;
    for (const Section& section : sections()) names.push_back(section.name);
    for (const auto& [name, given] : map_of({&root, {root.mark, ""}}, names))
      (this->*std::ranges::find(sections(), name, &Section::name)->read)(spec, given);
    return spec;
  }

 private:
  struct Section {
    std::string_view name;
    void (WebReader::*read)(core::WebSpec&, const Given&);
  };
  static std::span<const Section> sections() {
    static constexpr std::array kSections{
        Section{.name = "basic_auth_users", .read = &WebReader::read_users},
        Section{.name = "http_server_config", .read = &WebReader::read_http},
        Section{.name = "rate_limit", .read = &WebReader::refuse_rate_limit},
        Section{.name = "tls_server_config", .read = &WebReader::read_tls},
    };
    return kSections;
  }

  void complain(const Given& given, std::string problem, std::string allowed) {
    report_.add(given.place, std::move(problem), std::move(allowed));
  }

  bool has_shape(const Given& given, Node::Kind wanted, const char* problem,
                 const std::string& allowed) {
    const Node& node = *given.node;
    if (node.kind == wanted && node.forbidden.empty()) return true;
    if (!node.forbidden.empty()) {
      complain(given, std::string(node.forbidden), "the value itself");
    } else {
      complain(given, node.kind == Node::Kind::null ? "has no value" : problem, allowed);
    }
    return false;
  }

  // The entries of a map; without `names`, any name.
  Map map_of(const Given& given, Names names) {
    Map found;
    if (!has_shape(given, Node::Kind::map, "must be a map of keys", render(names))) return found;
    for (const Entry& entry : given.node->entries) {
      const bool known = std::ranges::find(names, entry.key) != names.end();
      const std::string path = (given.place.path.empty() ? "" : given.place.path + ".") +
                               (known || is_plain_word(entry.key) ? entry.key : "(not shown here)");
      const Given value{&entry.value, {entry.mark, path}};
      if (!entry.forbidden.empty()) {
        complain(value, std::string(entry.forbidden), "a plain key");
      } else if (!names.empty() && !known) {
        const std::string_view meant = nearest(entry.key, names);
        complain(value, "there is no such key", meant.empty() ? render(names) : std::string(meant));
      } else if (!found.emplace(entry.key, value).second) {
        complain(value, "written twice", "once");
      }
    }
    return found;
  }

  // A text; empty: there is none, and it is reported.
  std::string text_of(const Given& given) {
    if (given.node->is_scalar() && given.node->forbidden.empty() && !given.node->text.empty())
      return given.node->text;
    complain(given, given.node->kind == Node::Kind::null ? "has no value" : "must be a text", "");
    return {};
  }

  std::size_t choice_of(const Given& given, Names choices) {
    const std::string text = text_of(given);
    const auto found = std::ranges::find(choices, text);
    if (found == choices.end() && !text.empty())
      complain(given, (is_shown(text) ? '"' + text + "\" " : "") + "is not known", render(choices));
    return found == choices.end() ? 0 : static_cast<std::size_t>(found - choices.begin());
  }

  bool boolean_of(const Given& given) {
    const std::string& text = given.node->text;
    const bool plain = given.node->kind == Node::Kind::plain && given.node->forbidden.empty();
    if (!plain || (text != "true" && text != "false"))
      complain(given, "must be true or false", "true | false");
    return text == "true";
  }

  // Without `choices`, any texts.
  Texts list_of(const Given& given, Names choices) {
    Texts words;
    if (!has_shape(given, Node::Kind::list, "must be a list", render(choices))) return words;
    for (const Node& item : given.node->items) {
      const Given one{&item, {item.mark, given.place.path + "[]"}};
      if (choices.empty()) {
        words.push_back(text_of(one));
      } else {
        words.emplace_back(choices[choice_of(one, choices)]);
      }
    }
    return words;
  }

  std::string pem_of(const Map& keys, const PemKey& key) {
    const auto text = keys.find(key.name);
    const auto file = keys.find(key.file_name);
    const std::string name(key.name);
    if (text != keys.end() && file != keys.end())
      complain(file->second, name + " is written too", "one of both");
    if (text != keys.end()) return text_of(text->second);
    if (file == keys.end()) return {};
    const std::string path = text_of(file->second);
    if (path.empty()) return {};
    // A key in the place of its path shall not be repeated.
    if (!is_printable(path) || path.find("-----") != std::string::npos) {
      complain(file->second, "is not a path", "a path; PEM text belongs in " + name);
      return {};
    }
    // Waits for nobody: this is read again and again while the program runs.
    auto content = read_file(directory_ / path, kPemBytesMax, Waiting::fail);
    if (!content) complain(file->second, content.error().message, "a file that can be read");
    return content ? std::move(content).value() : std::string();
  }

  void require(const Map& keys, const Given& tls, const PemKey& key) {
    if (keys.contains(key.name) || keys.contains(key.file_name)) return;
    report_.add({tls.place.mark, tls.place.path + "." + std::string(key.file_name)}, "is missing",
                "the path of a PEM file");
  }

  void read_tls(core::WebSpec& spec, const Given& given) {
    TlsSpec& tls = spec.tls.emplace();
    const Map keys = map_of(given, all_tls_names());
    if (given.node->kind != Node::Kind::map) return;
    for (const PemKey& key : kPemKeys) {
      if (key.required) require(keys, given, key);
      tls.*key.member = pem_of(keys, key);
    }
    for (const TlsKey& key : kTlsKeys) {
      const auto found = keys.find(key.name);
      if (found != keys.end()) read_tls_key(tls, key, found->second);
    }
    if (report_.empty()) check_tls(tls, keys, given);
  }

  void read_tls_key(TlsSpec& tls, const TlsKey& key, const Given& value) {
    const auto read = [&]<typename T>(T TlsSpec::*member) {
      if constexpr (std::is_same_v<T, bool>) {
        tls.*member = boolean_of(value);
      } else if constexpr (std::is_same_v<T, Texts>) {
        tls.*member = list_of(value, key.choices);
      } else {
        tls.*member = static_cast<T>(choice_of(value, key.choices));
      }
    };
    std::visit(read, key.member);
  }

  void check_tls(const TlsSpec& tls, const Map& keys, const Given& given) {
    const auto at = [&](std::string_view name) {
      const auto found = keys.find(name);
      return found == keys.end() ? given : found->second;
    };
    const std::string auth_type = name_of(&TlsSpec::client_auth);
    const std::string allowed_sans = name_of(&TlsSpec::client_allowed_sans);
    const PemKey& authority = *std::ranges::find(kPemKeys, &TlsSpec::client_ca, &PemKey::member);
    const bool verified = core::verifies(tls.client_auth);
    if (tls.min_version > tls.max_version)
      complain(at(name_of(&TlsSpec::min_version)), "is above max_version",
               "min_version <= max_version");
    if (verified && tls.client_ca.empty())
      complain(at(auth_type), "needs a CA to verify client certificates", "with client_ca_file");
    if (tls.client_auth == core::ClientAuth::none && !tls.client_ca.empty())
      complain(at(keys.contains(authority.name) ? authority.name : authority.file_name),
               "client_auth_type requests no client certificate, so this CA has no use",
               "client_auth_type: RequireAndVerifyClientCert");
    // In the exporter-toolkit such a list lets nobody in. With us it would be everybody.
    if (verified && keys.contains(allowed_sans) && tls.client_allowed_sans.empty())
      complain(at(allowed_sans), "names nobody",
               "one or more names; leave it out to accept all clients of the CA");
    if (!verified && keys.contains(allowed_sans))
      complain(at(allowed_sans), "certificates are not verified",
               "client_auth_type: RequireAndVerifyClientCert");
  }

  void refuse_rate_limit(core::WebSpec& /*spec*/, const Given& given) {
    complain(given, "is not supported", "leave it out");
  }

  void read_http(core::WebSpec& spec, const Given& given) {
    const Map keys = map_of(given, kHttpKeys);
    if (const auto found = keys.find(kHttp2Key); found != keys.end()) boolean_of(found->second);
    const auto found = keys.find(kHeadersKey);
    if (found == keys.end()) return;
    for (const auto& [name, value] : map_of(found->second, kHeaders)) {
      const std::string text = text_of(value);
      check_header(name, value, text);
      // Every answer says "nosniff" anyway.
      if (name != kContentTypeOptions) spec.headers.emplace_back(name, text);
    }
  }

  void check_header(const std::string& name, const Given& given, const std::string& text) {
    const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
    if (!printable || text.size() > kHeaderBytesMax)
      complain(given, "cannot stand in a header", "one line of printable ASCII");
    if (name == kFrameOptions && text != "deny" && text != "sameorigin")
      complain(given, "is not known", "deny, sameorigin");
    if (name == kContentTypeOptions && text != "nosniff")
      complain(given, "is not known", "nosniff");
  }

  void read_users(core::WebSpec& spec, const Given& given) {
    if (listener_ == WebListener::gate) {
      complain(given, "the gate checks no passwords: that takes longer than it may take to answer",
               "client certificates");
      return;
    }
    const Map entries = map_of(given, {});
    const bool is_map = given.node->kind == Node::Kind::map && given.node->forbidden.empty();
    if (is_map && (entries.empty() || entries.size() > kUsersMax))
      complain(given, entries.empty() ? "no users" : "too many users",
               "1.." + std::to_string(kUsersMax) + " users");
    for (const auto& [name, value] : entries) {
      if (name.empty() || name.find(':') != std::string::npos || !is_printable(name))
        complain(value, "is no name for a user", "printable text without a colon");
      if (!value.node->is_scalar() || !is_bcrypt(value.node->text))
        complain(value, "is not a bcrypt hash", kBcrypt);
      spec.users.emplace(name, value.node->text);
    }
  }

  const std::filesystem::path directory_;
  const WebListener listener_;
  Report& report_;
};

}  // namespace

bool is_bcrypt(std::string_view hash) {
  constexpr std::string_view kAlphabet =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::size_t kStart = 7;  // $2b$10$
  if (hash.size() != 60 || hash[0] != '$' || hash[1] != '2' || hash[3] != '$' || hash[6] != '$')
    return false;
  const std::string_view cost = hash.substr(4, 2);
  if (hash[2] != 'a' && hash[2] != 'b' && hash[2] != 'y') return false;
  if (cost < "04" || cost > "15" || !base::is_digit(cost[1])) return false;
  return hash.find_first_not_of(kAlphabet, kStart) == std::string_view::npos;
}

LoadedWeb load_web_file(const std::string& path, WebListener listener) {
  Report report(path);
  const auto text = read_file(path, core::limits::kConfigBytesMax, Waiting::fail);
  core::WebSpec spec;
  if (!text) {
    report.add({}, text.error().message);
  } else if (const auto root = read_yaml(text.value(), report)) {
    const auto directory = std::filesystem::path(path).parent_path();
    spec = WebReader(directory, listener, report).read(*root);
  }
  if (report.empty()) return {std::move(spec), {}};
  return {std::nullopt, std::move(report).take_sorted()};
}

}  // namespace rpoguard::config
