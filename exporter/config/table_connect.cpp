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
       .help = "database with the cluster_state table",
       .in_endpoint = {"defaults.writer_endpoint.dbname", "database to connect to there"}},
      {.path = "defaults.connect.user",
       .sets = member<&ConnectSpec::user>(),
       .type = Type::text,
       .default_text = "rpoguard",
       .help = "role made by `rpoguard sql`",
       .in_endpoint = {"defaults.writer_endpoint.user", "role to connect as"}},
      {.path = "defaults.connect.password_file",
       .sets = member_read_apart<&ConnectSpec::password, &PasswordSource::file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with the password, read at each connect; not with password_env",
       .in_endpoint = {"defaults.writer_endpoint.password_file",
                       "file with the password for the endpoint; not with its password_env"}},
      {.path = "defaults.connect.password_env",
       .sets = member_read_apart<&ConnectSpec::password, &PasswordSource::env>(),
       .type = Type::env_name,
       .optional = true,
       .secret = true,
       .help = "environment variable with the password; not with password_file",
       .in_endpoint = {"defaults.writer_endpoint.password_env",
                       "environment variable with that password; not with its password_file"}},
      {.path = "defaults.connect.passfile",
       .sets = member_read_apart<&ConnectSpec::password, &PasswordSource::passfile>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file like .pgpass with the password, mode 0600, read at each connect",
       .in_endpoint = {"defaults.writer_endpoint.passfile",
                       "file like .pgpass with that password, mode 0600"}},
  };
}

std::vector<Key> tls_keys() {
  return {
      {.path = "defaults.connect.sslmode",
       .sets = member<&ConnectSpec::sslmode>(),
       .type = Type::choice,
       .default_text = "disable",
       .choices = {"disable", "require", "verify-ca", "verify-full"},
       .help = "TLS to the server; never falls back to clear text",
       .in_endpoint = {"defaults.writer_endpoint.sslmode",
                       "TLS to the endpoint; never falls back to clear text"}},
      {.path = "defaults.connect.sslrootcert",
       .sets = member<&ConnectSpec::sslrootcert>(),
       .type = Type::path,
       .optional = true,
       .help = "CA; verify-ca and verify-full need it",
       .in_endpoint = {"defaults.writer_endpoint.sslrootcert", "CA of the endpoint"}},
      {.path = "defaults.connect.sslcert",
       .sets = member<&ConnectSpec::sslcert>(),
       .type = Type::path,
       .optional = true,
       .help = "client certificate; needs sslkey",
       .in_endpoint = {"defaults.writer_endpoint.sslcert",
                       "client certificate for the endpoint; needs its sslkey"}},
      {.path = "defaults.connect.sslkey",
       .sets = member<&ConnectSpec::sslkey>(),
       .type = Type::path,
       .optional = true,
       .help = "key of the client certificate; needs sslcert",
       .in_endpoint = {"defaults.writer_endpoint.sslkey",
                       "key of that certificate; needs its sslcert"}},
      {.path = "defaults.connect.sslpassword_file",
       .sets = member<&ConnectSpec::sslpassword_file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with the passphrase of sslkey, read at each connect",
       .in_endpoint = {"defaults.writer_endpoint.sslpassword_file",
                       "file with the passphrase of that key"}},
      {.path = "defaults.connect.channel_binding",
       .sets = member<&ConnectSpec::channel_binding>(),
       .type = Type::choice,
       .default_text = "prefer",
       .choices = {"disable", "prefer", "require"},
       .help = "require: only with SCRAM over TLS, and only to the server that has the password",
       .in_endpoint = {"defaults.writer_endpoint.channel_binding",
                       "require: only with SCRAM over TLS; poolers do not offer it"}},
  };
}

std::vector<Key> service_keys() {
  return {
      {.path = "defaults.connect.service",
       .sets = member<&ConnectSpec::service, &ServiceSource::name>(),
       .type = Type::text,
       .optional = true,
       .help = "section of service_file that sets what is not set here",
       .in_endpoint = {"defaults.writer_endpoint.service",
                       "section of service_file for the endpoint"}},
      {.path = "defaults.connect.service_file",
       .sets = member<&ConnectSpec::service, &ServiceSource::file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file like pg_service.conf, read at each connect; needs service",
       .in_endpoint = {"defaults.writer_endpoint.service_file",
                       "file like pg_service.conf for the endpoint"}},
  };
}

// Written there, the key replaces that of `connect` for the endpoint alone: connect_places().
Key as_in_connect(const Key& of_connect) {
  Key key = of_connect;
  key.path = of_connect.in_endpoint.path;
  key.sets = {};
  key.default_text = "(as in connect)";
  key.help = of_connect.in_endpoint.help;
  return key;
}

std::vector<Key> login_at_endpoint() {
  std::vector<Key> keys;
  for (const Key& key : connect_keys()) {
    if (!key.in_endpoint.path.empty()) keys.push_back(as_in_connect(key));
  }
  return keys;
}

std::vector<Key> way_to_endpoint() {
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
  };
}

}  // namespace

std::vector<Key> connect_keys() {
  return joined({login_keys(), tls_keys(), service_keys()});
}

std::vector<Key> endpoint_keys() {
  return joined({way_to_endpoint(), login_at_endpoint()});
}

}  // namespace rpoguard::config
