#include "exporter/config/check_connect.hpp"

#include <array>
#include <string>
#include <vector>

#include "exporter/config/build.hpp"
#include "exporter/config/findings.hpp"

namespace rpoguard::config {
namespace {

using core::ConnectSpec;
using core::PasswordSource;
using core::ServiceSource;

// Where a key of the connection to a node is written in the node itself, and in its `connect`;
// null: it is not.
struct InNode {
  const Setting* directly;
  const Setting* nested;
};

InNode in_node(const KeyResolver& resolver, NodeAt at, const Key& key) {
  const auto places = KeyResolver::places(key, ConnectAt{.shard = at.shard, .node = at.node});
  return {.directly = resolver.written_at(places[0]), .nested = resolver.written_at(places[1])};
}

void check_written_once(const KeyResolver& resolver, NodeAt node, Report& report) {
  for (const Key& key : all_keys()) {
    if (!key.path.starts_with(kConnect)) continue;
    const InNode written = in_node(resolver, node, key);
    if (written.directly == nullptr || written.nested == nullptr) continue;
    report.add(written.nested->place, "written both in the node and in its connect", "once");
  }
}

// The keys that say where the password is.
std::array<const Key*, 3> password_keys() {
  return {&key_of<&ConnectSpec::password, &PasswordSource::file>(),
          &key_of<&ConnectSpec::password, &PasswordSource::env>(),
          &key_of<&ConnectSpec::password, &PasswordSource::passfile>()};
}

void check_password_once(const KeyResolver& resolver, NodeAt node, Report& report) {
  for (const Key* one : password_keys()) {
    for (const Key* other : password_keys()) {
      const Setting* directly = in_node(resolver, node, *one).directly;
      const Setting* nested = in_node(resolver, node, *other).nested;
      if (one == other || directly == nullptr || nested == nullptr) continue;
      report.add(nested->place, "a password is set both in the node and in its connect", "once");
    }
  }
}

constexpr const char* kModesWithTls = " require | verify-ca | verify-full";

// "sslcert without sslkey"
std::string without(const Chosen<std::string>& key, const Chosen<std::string>& other) {
  return name_of(key) + " without " + name_of(other);
}

class ConnectionCheck {
 public:
  ConnectionCheck(const KeyResolver& resolver, ConnectAt at, Report& report)
      : resolver_(resolver), at_(at), report_(report) {}

  void run() {
    check_password();
    // What a service has not yet said may be what is missing here: PgDialer looks at the whole.
    if (!check_service()) check_tls();
  }

 private:
  template <auto... Steps>
  Chosen<std::string> text() const {
    return resolver_.get<Steps...>(at_);
  }

  void check_password() {
    const PasswordSource source = password_source_of(resolver_, at_);
    std::vector<const Key*> set;
    if (!source.file.empty()) set.push_back(password_keys()[0]);
    if (!source.env.empty()) set.push_back(password_keys()[1]);
    if (!source.passfile.empty()) set.push_back(password_keys()[2]);
    if (set.size() < 2) return;
    report_.add(
        first_of({resolver_.get(*set[1], at_).written, resolver_.get(*set[0], at_).written}),
        "both " + short_name(*set[0]) + " and " + short_name(*set[1]) + " are set",
        "one of the two");
  }

  // True when there is one.
  bool check_service() {
    const auto name = text<&ConnectSpec::service, &ServiceSource::name>();
    const auto file = text<&ConnectSpec::service, &ServiceSource::file>();
    if (!name.value || !file.value) return false;
    if (name.value->empty() != file.value->empty()) {
      const bool nameless = name.value->empty();
      report_.add(first_of({nameless ? file.written : name.written}),
                  nameless ? without(file, name) : without(name, file), "both or neither");
    }
    return !name.value->empty();
  }

  void check_tls() {
    const auto mode = text<&ConnectSpec::sslmode>();
    const auto root = text<&ConnectSpec::sslrootcert>();
    const auto cert = text<&ConnectSpec::sslcert>();
    const auto key = text<&ConnectSpec::sslkey>();
    if (!mode.value || !root.value || !cert.value || !key.value) return;
    if (mode.value->starts_with("verify-") && root.value->empty()) {
      report_.add(*mode.written, name_of(mode) + " " + *mode.value + " without " + name_of(root),
                  name_of(root) + " with the path of the certificate authority");
    }
    if (!cert.value->empty() && key.value->empty()) {
      report_.add(*cert.written, without(cert, key), "both or neither");
    }
    if (cert.value->empty() && !key.value->empty()) {
      report_.add(*key.written, without(key, cert), "both or neither");
    }
    if (!mode.written && !(root.value->empty() && cert.value->empty())) {
      report_.add(first_of({root.written, cert.written}),
                  "certificates without " + name_of(mode) + ", which would not use them",
                  name_of(mode) + kModesWithTls);
    }
    const auto passphrase = text<&ConnectSpec::sslpassword_file>();
    if (passphrase.value && !passphrase.value->empty() && key.value->empty()) {
      report_.add(*passphrase.written, without(passphrase, key), "both or neither");
    }
    const auto binding = text<&ConnectSpec::channel_binding>();
    if (binding.value == "require" && *mode.value == "disable") {
      report_.add(*binding.written, name_of(binding) + " require without TLS",
                  name_of(mode) + kModesWithTls);
    }
  }

  const KeyResolver& resolver_;
  ConnectAt at_;
  Report& report_;
};

}  // namespace

void check_connections(const KeyResolver& resolver, ShardAt at, Report& report) {
  for (std::size_t i = 0; i < resolver.settings().shards[at.shard].nodes.size(); ++i) {
    const NodeAt node{.shard = at.shard, .node = i};
    check_written_once(resolver, node, report);
    check_password_once(resolver, node, report);
    ConnectionCheck(resolver, {.shard = at.shard, .node = i}, report).run();
  }
  const auto host =
      resolver.get<&core::ShardSpec::endpoint, &core::EndpointSpec::connect, &ConnectSpec::host>(
          at);
  if (!host.value || host.value->empty()) return;
  ConnectionCheck(resolver, {.shard = at.shard}, report).run();
}

}  // namespace rpoguard::config
