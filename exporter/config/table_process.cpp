#include "exporter/config/key_table.hpp"

namespace rpoguard::config {
namespace {

using core::ProbeSpec;
using core::Spec;

std::vector<Key> listen_keys() {
  return {
      {.path = "listen.ops",
       .sets = member<&Spec::ops>(),
       .type = Type::address,
       .default_text = ":10187",
       .reloadable = false,
       .help =
           "metrics, readiness, status page and management; without a host: on every address, of "
           "IPv4 and IPv6; port 0 picks a free one"},
      {.path = "listen.ops_hosts",
       .sets = member<&Spec::ops_hosts>(),
       .type = Type::dns_names,
       .optional = true,
       .reloadable = false,
       .help = "names of the ops listener in the public DNS, while it speaks plain HTTP; "
               "*.example.com: any below it"},
      {.path = "listen.gate",
       .sets = member<&Spec::gate>(),
       .type = Type::address,
       .default_text = ":10188",
       .reloadable = false,
       .help = "the write gate, with its own port and threads"},
      {.path = "listen.agent",
       .sets = member<&Spec::agent>(),
       .type = Type::address,
       .optional = true,
       .reloadable = false,
       .help = "the gate for HAProxy's agent-check, which names the shard by agent-send"},
      {.path = "listen.health",
       .sets = member<&Spec::health>(),
       .type = Type::address,
       .optional = true,
       .reloadable = false,
       .help =
           "only /livez and /readyz, always plain HTTP: for a kubelet, which has no certificate"},
  };
}

std::vector<Key> other_keys() {
  return {
      {.path = "lease.path",
       .sets = member<&Spec::lease_path>(),
       .type = Type::path,
       .optional = true,
       .help = "the lease page, a file in memory that gateways map; its directory must exist"},
      {.path = "state_dir",
       .sets = member<&Spec::state_dir>(),
       .type = Type::path,
       .default_text = "/var/lib/rpoguard",
       .reloadable = false,
       .help = "directory for what must survive a restart: epochs, lineages, waivers, freezes"},
      {.path = "control.token_file",
       .sets = member<&Spec::control_token_file>(),
       .type = Type::path,
       .optional = true,
       .reloadable = false,
       .secret = true,
       .help = "file with the bearer token that orders over HTTP need, read at each request"},
      {.path = "probe.interval",
       .sets = member<&Spec::probe, &ProbeSpec::interval>(),
       .type = Type::duration,
       .default_text = "1s",
       .range = {.low = "100ms", .high = "60s"},
       .help = "how often each node is probed; at most a quarter of every rpo"},
      {.path = "probe.timeout",
       .sets = member<&Spec::probe, &ProbeSpec::timeout>(),
       .type = Type::duration,
       .default_text = "800ms",
       .range = {.low = "10ms", .high = "60s"},
       .help = "deadline of one probe; less than probe.interval"},
      {.path = "probe.connect_timeout",
       .sets = member<&Spec::probe, &ProbeSpec::connect_timeout>(),
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "100ms", .high = "60s"},
       .help = "deadline of making a connection; at least probe.timeout"},
      {.path = "probe.slow_interval",
       .sets = member<&Spec::probe, &ProbeSpec::slow_interval>(),
       .type = Type::duration,
       .default_text = "15s",
       .range = {.low = "100ms", .high = "10m"},
       .help = "how often slow facts (slots, connections) are asked; at least probe.interval"},
  };
}

}  // namespace

std::vector<Key> process_keys() {
  return joined({listen_keys(), other_keys()});
}

}  // namespace rpoguard::config
