#include "exporter/config/check_connect.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "exporter/config/build.hpp"
#include "exporter/config/findings.hpp"

namespace rpoguard::config {
namespace {

void check_written_once(const Resolver& resolver, NodeAt node, Report& report) {
  constexpr std::string_view kConnect = "defaults.connect.";
  for (const Key& key : all_keys()) {
    if (!key.path.starts_with(kConnect)) continue;
    const auto places = Resolver::connect_places(node, key.path.substr(kConnect.size()));
    const auto& written = resolver.settings().by_path;
    const auto nested = written.find(places[1]);
    if (!written.contains(places[0]) || nested == written.end()) continue;
    report.add(nested->second.place, "written both in the node and in its connect", "once");
  }
}

// The keys that say where the password is.
constexpr std::array<std::string_view, 3> kPasswordKeys{"password_file", "password_env",
                                                        "passfile"};

void check_password_once(const Resolver& resolver, NodeAt node, Report& report) {
  const auto& written = resolver.settings().by_path;
  for (const std::string_view direct : kPasswordKeys) {
    for (const std::string_view nested : kPasswordKeys) {
      const auto found = written.find(Resolver::connect_places(node, nested)[1]);
      const bool both =
          written.contains(Resolver::connect_places(node, direct)[0]) && found != written.end();
      if (direct == nested || !both) continue;
      report.add(found->second.place, "a password is set both in the node and in its connect",
                 "once");
    }
  }
}

class ConnectionCheck {
 public:
  ConnectionCheck(const Resolver& resolver, ConnectAt at, Report& report)
      : resolver_(resolver), at_(at), report_(report) {}

  void run() {
    check_password();
    // What a service has not yet said may be what is missing here: PgDialer looks at the whole.
    if (!check_service()) check_tls();
  }

 private:
  Chosen<std::string> text(std::string_view name) const {
    return resolver_.connect<std::string>(at_, name);
  }

  void check_password() {
    const core::PasswordSource source = password_source_of(resolver_, at_);
    std::vector<std::string> set;
    for (const auto& [name, value] :
         {std::pair(kPasswordKeys[0], source.file), std::pair(kPasswordKeys[1], source.env),
          std::pair(kPasswordKeys[2], source.passfile)})
      if (!value.empty()) set.emplace_back(name);
    if (set.size() < 2) return;
    report_.add(first_of({text(set[1]).written, text(set[0]).written}),
                "both " + set[0] + " and " + set[1] + " are set", "one of the two");
  }

  // True when there is one.
  bool check_service() {
    const auto name = text("service");
    const auto file = text("service_file");
    if (!name.value || !file.value) return false;
    if (name.value->empty() != file.value->empty()) {
      const bool nameless = name.value->empty();
      report_.add(first_of({nameless ? file.written : name.written}),
                  nameless ? "service_file without service" : "service without service_file",
                  "both or neither");
    }
    return !name.value->empty();
  }

  void check_tls() {
    const auto mode = text("sslmode");
    const auto root = text("sslrootcert");
    const auto cert = text("sslcert");
    const auto key = text("sslkey");
    if (!mode.value || !root.value || !cert.value || !key.value) return;
    if (mode.value->starts_with("verify-") && root.value->empty()) {
      report_.add(*mode.written, "sslmode " + *mode.value + " without sslrootcert",
                  "sslrootcert with the path of the certificate authority");
    }
    if (!cert.value->empty() && key.value->empty()) {
      report_.add(*cert.written, "sslcert without sslkey", "both or neither");
    }
    if (cert.value->empty() && !key.value->empty()) {
      report_.add(*key.written, "sslkey without sslcert", "both or neither");
    }
    if (!mode.written && !(root.value->empty() && cert.value->empty())) {
      report_.add(first_of({root.written, cert.written}),
                  "certificates without sslmode, which would not use them",
                  "sslmode require | verify-ca | verify-full");
    }
    const auto passphrase = text("sslpassword_file");
    if (passphrase.value && !passphrase.value->empty() && key.value->empty()) {
      report_.add(*passphrase.written, "sslpassword_file without sslkey", "both or neither");
    }
    const auto binding = text("channel_binding");
    if (binding.value == "require" && *mode.value == "disable") {
      report_.add(*binding.written, "channel_binding require without TLS",
                  "sslmode require | verify-ca | verify-full");
    }
  }

  const Resolver& resolver_;
  ConnectAt at_;
  Report& report_;
};

}  // namespace

void check_connections(const Resolver& resolver, std::size_t shard, Report& report) {
  for (std::size_t i = 0; i < resolver.settings().shards[shard].nodes.size(); ++i) {
    const NodeAt node{.shard = shard, .node = i};
    check_written_once(resolver, node, report);
    check_password_once(resolver, node, report);
    ConnectionCheck(resolver, node, report).run();
  }
  const auto host = resolver.policy<std::string>(shard, "writer_endpoint.host");
  if (!host.value || host.value->empty()) return;
  ConnectionCheck(resolver, ConnectAt(shard), report).run();
}

}  // namespace rpoguard::config
