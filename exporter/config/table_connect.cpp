#include <algorithm>

#include "exporter/config/key_table.hpp"

namespace rpoguard::config {
namespace {

using core::ConnectSpec;
using core::EndpointSpec;
using core::PasswordSource;
using core::ServiceSource;
using core::ShardSpec;

std::vector<Key> login_keys() {
  return {
      {.path = "defaults.connect.host",
       .sets = member<&ConnectSpec::host>(),
       .type = Type::host,
       .required = true,
       .help = "one server: name, address, or the directory of its Unix socket"},
      {.path = "defaults.connect.port",
       .sets = member<&ConnectSpec::port>(),
       .type = Type::integer,
       .default_text = "5432",
       .range = {.low = "1", .high = "65535"},
       .help = "port of the server itself, not of a pooler"},
      {.path = "defaults.connect.dbname",
       .sets = member<&ConnectSpec::dbname>(),
       .type = Type::text,
       .default_text = "postgres",
       .help = "database with the cluster_state table"},
      {.path = "defaults.connect.user",
       .sets = member<&ConnectSpec::user>(),
       .type = Type::text,
       .default_text = "rpoguard",
       .help = "role made by `rpoguard sql`"},
      {.path = "defaults.connect.password_file",
       .sets = member_read_apart<&ConnectSpec::password, &PasswordSource::file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with the password, read at each connect; not with password_env"},
      {.path = "defaults.connect.password_env",
       .sets = member_read_apart<&ConnectSpec::password, &PasswordSource::env>(),
       .type = Type::env_name,
       .optional = true,
       .secret = true,
       .help = "environment variable with the password; not with password_file"},
      {.path = "defaults.connect.passfile",
       .sets = member_read_apart<&ConnectSpec::password, &PasswordSource::passfile>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file like .pgpass with the password, mode 0600, read at each connect"},
  };
}

std::vector<Key> tls_keys() {
  return {
      {.path = "defaults.connect.sslmode",
       .sets = member<&ConnectSpec::sslmode>(),
       .type = Type::choice,
       .default_text = "disable",
       .choices = {"disable", "require", "verify-ca", "verify-full"},
       .help = "TLS to the server; never falls back to clear text"},
      {.path = "defaults.connect.sslrootcert",
       .sets = member<&ConnectSpec::sslrootcert>(),
       .type = Type::path,
       .optional = true,
       .help = "CA; verify-ca and verify-full need it"},
      {.path = "defaults.connect.sslcert",
       .sets = member<&ConnectSpec::sslcert>(),
       .type = Type::path,
       .optional = true,
       .help = "client certificate; needs sslkey"},
      {.path = "defaults.connect.sslkey",
       .sets = member<&ConnectSpec::sslkey>(),
       .type = Type::path,
       .optional = true,
       .help = "key of the client certificate; needs sslcert"},
      {.path = "defaults.connect.sslpassword_file",
       .sets = member<&ConnectSpec::sslpassword_file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with the passphrase of sslkey, read at each connect"},
      {.path = "defaults.connect.channel_binding",
       .sets = member<&ConnectSpec::channel_binding>(),
       .type = Type::choice,
       .default_text = "prefer",
       .choices = {"disable", "prefer", "require"},
       .help = "require: only with SCRAM over TLS, and only to the server that has the password"},
  };
}

std::vector<Key> service_keys() {
  return {
      {.path = "defaults.connect.service",
       .sets = member<&ConnectSpec::service, &ServiceSource::name>(),
       .type = Type::text,
       .optional = true,
       .help = "section of service_file that sets what is not set here"},
      {.path = "defaults.connect.service_file",
       .sets = member<&ConnectSpec::service, &ServiceSource::file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file like pg_service.conf, read at each connect; needs service"},
  };
}

// Written there, the key replaces that of `connect` for the endpoint alone: connect_places().
template <auto... Steps>
Key as_in_connect(std::string_view path, std::string_view help) {
  static const std::vector<Key> keys = connect_keys();
  const auto found = std::ranges::find(keys, std::type_index(typeid(Path<Steps...>)),
                                       [](const Key& row) { return row.sets.path; });
  RPOGUARD_CHECK(found != keys.end());
  Key key = *found;
  key.path = path;
  key.sets = {};
  key.default_text = "(as in connect)";
  key.help = help;
  return key;
}

}  // namespace

std::vector<Key> connect_keys() {
  return joined({login_keys(), tls_keys(), service_keys()});
}

std::vector<Key> endpoint_keys() {
  return {
      {.path = "defaults.writer_endpoint.host",
       .sets = member<&ShardSpec::endpoint, &EndpointSpec::connect, &ConnectSpec::host>(),
       .type = Type::host,
       .optional = true,
       .help =
           "address by which clients reach the writer: proxy, pooler, DNS name; none: not checked"},
      {.path = "defaults.writer_endpoint.port",
       .sets = member<&ShardSpec::endpoint, &EndpointSpec::connect, &ConnectSpec::port>(),
       .type = Type::integer,
       .default_text = "5432",
       .range = {.low = "1", .high = "65535"},
       .help = "port that clients use there; not that of connect"},
      {.path = "defaults.writer_endpoint.canary",
       .sets = member<&ShardSpec::endpoint, &EndpointSpec::canary>(),
       .type = Type::boolean,
       .default_text = "false",
       .help = "also commit one row to rpoguard.canary each time"},
      {.path = "defaults.writer_endpoint.interval",
       .sets = member<&ShardSpec::endpoint, &EndpointSpec::interval>(),
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "100ms", .high = "10m"},
       .help = "how often the endpoint is asked, on a new connection each time"},
      {.path = "defaults.writer_endpoint.timeout",
       .sets = member<&ShardSpec::endpoint, &EndpointSpec::timeout>(),
       .type = Type::duration,
       .default_text = "2s",
       .range = {.low = "10ms", .high = "60s"},
       .help = "deadline of connection and answer; less than writer_endpoint.interval"},
      {.path = "defaults.writer_endpoint.ttl",
       .sets = member<&ShardSpec::endpoint, &EndpointSpec::ttl>(),
       .type = Type::duration,
       .default_text = "15s",
       .range = {.low = "100ms", .high = "1h"},
       .help = "misrouted after this long without a good answer; at least its interval + timeout"},
      as_in_connect<&ConnectSpec::dbname>("defaults.writer_endpoint.dbname",
                                          "database to connect to there"),
      as_in_connect<&ConnectSpec::user>("defaults.writer_endpoint.user", "role to connect as"),
      as_in_connect<&ConnectSpec::password, &PasswordSource::file>(
          "defaults.writer_endpoint.password_file",
          "file with the password for the endpoint; not with its password_env"),
      as_in_connect<&ConnectSpec::password, &PasswordSource::env>(
          "defaults.writer_endpoint.password_env",
          "environment variable with that password; not with its password_file"),
      as_in_connect<&ConnectSpec::password, &PasswordSource::passfile>(
          "defaults.writer_endpoint.passfile", "file like .pgpass with that password, mode 0600"),
      as_in_connect<&ConnectSpec::sslmode>("defaults.writer_endpoint.sslmode",
                                           "TLS to the endpoint; never falls back to clear text"),
      as_in_connect<&ConnectSpec::sslrootcert>("defaults.writer_endpoint.sslrootcert",
                                               "CA of the endpoint"),
      as_in_connect<&ConnectSpec::sslcert>("defaults.writer_endpoint.sslcert",
                                           "client certificate for the endpoint; needs its sslkey"),
      as_in_connect<&ConnectSpec::sslkey>("defaults.writer_endpoint.sslkey",
                                          "key of that certificate; needs its sslcert"),
      as_in_connect<&ConnectSpec::sslpassword_file>("defaults.writer_endpoint.sslpassword_file",
                                                    "file with the passphrase of that key"),
      as_in_connect<&ConnectSpec::channel_binding>(
          "defaults.writer_endpoint.channel_binding",
          "require: only with SCRAM over TLS; poolers do not offer it"),
      as_in_connect<&ConnectSpec::service, &ServiceSource::name>(
          "defaults.writer_endpoint.service", "section of service_file for the endpoint"),
      as_in_connect<&ConnectSpec::service, &ServiceSource::file>(
          "defaults.writer_endpoint.service_file", "file like pg_service.conf for the endpoint"),
  };
}

}  // namespace rpoguard::config
