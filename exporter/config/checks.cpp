#include "exporter/config/checks.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exporter/config/build.hpp"
#include "exporter/core/units.hpp"

namespace rpoguard::config {
namespace {

using core::Duration;

std::string quote(const std::string& text) {
  return '"' + text + '"';
}

Place first_of(std::initializer_list<std::optional<Place>> written, const Place& otherwise) {
  for (const auto& place : written) {
    if (place) return *place;
  }
  return otherwise;
}

// A duration that is known and set; nothing is concluded from one that was refused.
std::optional<Duration> duration_of(const Chosen<MaybeDuration>& chosen) {
  return chosen.value ? *chosen.value : std::nullopt;
}

bool is_wildcard(const std::string& host) {
  return host == "0.0.0.0" || host == "::";
}

void check_listeners(const Resolver& resolver, Report& report) {
  const auto ops = resolver.global<core::ListenSpec>("listen.ops");
  const auto gate = resolver.global<core::ListenSpec>("listen.gate");
  if (!ops.value || !gate.value) return;
  if (ops.value->port != gate.value->port || ops.value->port == 0) return;  // 0: two free ports
  const bool overlap = ops.value->host == gate.value->host || is_wildcard(ops.value->host) ||
                       is_wildcard(gate.value->host);
  if (!overlap) return;
  report.add(first_of({gate.written, ops.written}, {}),
             "listen.ops and listen.gate have the same address", "two different ports");
}

void check_probe(const Resolver& resolver, Report& report) {
  const auto interval = resolver.global<MaybeDuration>("probe.interval");
  const auto timeout = resolver.global<MaybeDuration>("probe.timeout");
  const auto slow = resolver.global<MaybeDuration>("probe.slow_interval");
  const auto every = duration_of(interval);
  if (!every) return;
  const std::string interval_text = "probe.interval (" + core::render_duration(*every) + ")";
  if (const auto limit = duration_of(timeout); limit && *limit >= *every) {
    report.add(
        first_of({timeout.written, interval.written}, {}),
        "probe.timeout (" + core::render_duration(*limit) + ") is not less than " + interval_text,
        "probe.timeout < probe.interval");
  }
  if (const auto pace = duration_of(slow); pace && *pace < *every) {
    report.add(
        first_of({slow.written, interval.written}, {}),
        "probe.slow_interval (" + core::render_duration(*pace) + ") is less than " + interval_text,
        "probe.slow_interval >= probe.interval");
  }
}

// All contradictions within one shard.
class ShardCheck {
 public:
  ShardCheck(const Resolver& resolver, std::size_t shard, Report& report)
      : resolver_(resolver),
        shard_(shard),
        shape_(resolver.settings().shards[shard]),
        report_(report) {}

  void run() {
    check_promise();
    check_regions();
    check_copies();
    check_names();
    check_targets();
    for (std::size_t i = 0; i < shape_.nodes.size(); ++i) {
      check_written_once(at(i));
      check_password(at(i));
      check_tls(at(i));
    }
  }

 private:
  NodeAt at(std::size_t node) const { return {.shard = shard_, .node = node}; }

  Chosen<MaybeDuration> duration(std::string_view name) const {
    return resolver_.policy<MaybeDuration>(shard_, name);
  }

  void check_promise() {
    const auto interval = resolver_.global<MaybeDuration>("probe.interval");
    const auto every = duration_of(interval);
    const auto rpo_chosen = duration("rpo");
    const auto rpo = duration_of(rpo_chosen);
    if (!rpo) return;
    const std::string rpo_text = "rpo (" + core::render_duration(*rpo) + ")";
    const std::string every_text =
        every ? "probe.interval (" + core::render_duration(*every) + ")" : std::string();
    if (*rpo == Duration::zero()) {
      const auto ttl = duration("proof_ttl");
      const auto good_for = duration_of(ttl);
      if (!good_for || !every || *good_for >= *every) return;
      report_.add(first_of({ttl.written, rpo_chosen.written}, shape_.item.place),
                  "rpo 0s with proof_ttl (" + core::render_duration(*good_for) + ") less than " +
                      every_text,
                  "proof_ttl >= probe.interval");
      return;
    }
    if (every && *every > *rpo / 4) {
      report_.add(first_of({rpo_chosen.written, interval.written}, shape_.item.place),
                  every_text + " is more than a quarter of " + rpo_text,
                  "probe.interval <= rpo / 4");
    }
    const auto reopen = duration("gate.reopen_below");
    if (const auto below = duration_of(reopen); below && *below >= *rpo) {
      report_.add(
          first_of({reopen.written}, shape_.item.place),
          "gate.reopen_below (" + core::render_duration(*below) + ") is not less than " + rpo_text,
          "gate.reopen_below < rpo");
    }
  }

  // nullopt: a node's region is missing or was refused, so nothing can be said about all of them.
  std::optional<std::vector<std::string>> regions_of_nodes() const {
    std::vector<std::string> regions;
    for (std::size_t i = 0; i < shape_.nodes.size(); ++i) {
      const auto region = resolver_.node<std::string>(at(i), "region");
      if (!region.value) return std::nullopt;
      regions.push_back(*region.value);
    }
    if (regions.empty()) return std::nullopt;
    return regions;
  }

  std::optional<std::vector<std::string>> allowed_regions() const {
    const auto allowed = resolver_.shard<std::vector<std::string>>(shard_, "allowed_regions");
    return allowed.written ? allowed.value : regions_of_nodes();
  }

  void check_regions() {
    const auto home = resolver_.shard<std::string>(shard_, "home_region");
    if (!home.value) return;
    const auto written = resolver_.shard<std::vector<std::string>>(shard_, "allowed_regions");
    if (written.value && std::ranges::find(*written.value, *home.value) == written.value->end()) {
      report_.add(*home.written, "home_region " + quote(*home.value) + " is not in allowed_regions",
                  "one of allowed_regions");
    }
    const auto regions = regions_of_nodes();
    if (regions && std::ranges::find(*regions, *home.value) == regions->end()) {
      report_.add(*home.written, "no node is in home_region " + quote(*home.value),
                  "the region of a node");
    }
  }

  // How many nodes count as copies while the writer is at home; nullopt: cannot be told.
  std::optional<std::int64_t> countable_nodes() const {
    const auto home = resolver_.shard<std::string>(shard_, "home_region");
    const auto regions = regions_of_nodes();
    const auto allowed = allowed_regions();
    if (!home.value || !regions || !allowed) return std::nullopt;
    std::int64_t count = 0;
    for (std::size_t i = 0; i < regions->size(); ++i) {
      const auto target = resolver_.node<bool>(at(i), "durability_target");
      if (!target.value) return std::nullopt;
      const std::string& region = (*regions)[i];
      const bool may_hold = std::ranges::find(*allowed, region) != allowed->end();
      if (*target.value && region != *home.value && may_hold) ++count;
    }
    return count;
  }

  void check_copies() {
    const auto copies = resolver_.policy<std::int64_t>(shard_, "copies");
    const auto countable = countable_nodes();
    if (!copies.value || !countable || *copies.value <= *countable) return;
    // An inherited number is right for other shards: the place is this shard.
    Place place{shape_.item.place.mark, shape_.item.place.path + ".copies"};
    if (copies.written && copies.written->path == place.path) place = *copies.written;
    report_.add(place,
                "copies is " + std::to_string(*copies.value) +
                    ", but the nodes that can count are " + std::to_string(*countable),
                "at least as many nodes outside home_region, in allowed_regions, with "
                "durability_target true");
  }

  void check_names() {
    std::set<std::string> names;
    std::map<std::string, std::string> announced;
    for (std::size_t i = 0; i < shape_.nodes.size(); ++i) {
      const auto name = resolver_.node<std::string>(at(i), "name");
      const auto application = resolver_.node<std::string>(at(i), "application_name");
      if (!name.value || (application.written && !application.value)) continue;
      if (!names.insert(*name.value).second) {
        report_.add(*name.written, "node name " + quote(*name.value) + " is taken in this shard",
                    "a name of its own");
        continue;
      }
      const std::string text = application.value.value_or(*name.value);
      const Place& place = application.written ? *application.written : *name.written;
      check_application_name(place, text);
      const auto [holder, is_new] = announced.emplace(text, *name.value);
      if (!is_new) {
        report_.add(
            place,
            "application_name " + quote(text) + " is also that of node " + quote(holder->second),
            "a name of its own");
      }
    }
  }

  // PostgreSQL replaces what is not printable ASCII, and the name would never be found again.
  void check_application_name(const Place& place, const std::string& text) {
    const auto is_ascii = [](char c) { return c >= ' ' && c <= '~'; };
    if (std::ranges::all_of(text, is_ascii)) return;
    report_.add(place, "application_name " + quote(text) + " is not ASCII",
                "an application_name of printable ASCII characters");
  }

  void check_targets() {
    std::map<std::pair<std::string, std::int64_t>, std::size_t> targets;
    for (std::size_t i = 0; i < shape_.nodes.size(); ++i) {
      const auto host = resolver_.connect<std::string>(at(i), "host");
      const auto port = resolver_.connect<std::int64_t>(at(i), "port");
      if (!host.value || !port.value) continue;
      const auto [first, is_new] = targets.emplace(std::pair(*host.value, *port.value), i);
      if (is_new) continue;
      report_.add(shape_.nodes[i].place,
                  "same host and port as nodes[" + std::to_string(first->second) + "]",
                  "one server per node");
    }
  }

  void check_written_once(NodeAt node) {
    constexpr std::string_view kConnect = "defaults.connect.";
    for (const Key& key : all_keys()) {
      if (!key.path.starts_with(kConnect)) continue;
      const auto places = Resolver::connect_places(node, key.path.substr(kConnect.size()));
      const auto& written = resolver_.settings().by_path;
      const auto nested = written.find(places[1]);
      if (!written.contains(places[0]) || nested == written.end()) continue;
      report_.add(nested->second.place, "written both in the node and in its connect", "once");
    }
  }

  void check_password(NodeAt node) {
    const auto files = Resolver::connect_places(node, "password_file");
    const auto variables = Resolver::connect_places(node, "password_env");
    const auto& written = resolver_.settings().by_path;
    for (const auto& [direct, nested] :
         {std::pair(files[0], variables[1]), std::pair(variables[0], files[1])}) {
      const auto found = written.find(nested);
      if (!written.contains(direct) || found == written.end()) continue;
      report_.add(found->second.place, "a password is set both in the node and in its connect",
                  "once");
    }
    const core::PasswordSource source = password_source_of(resolver_, node);
    if (source.file.empty() || source.env.empty()) return;
    const auto file = resolver_.connect<std::string>(node, "password_file");
    const auto env = resolver_.connect<std::string>(node, "password_env");
    report_.add(first_of({env.written, file.written}, shape_.item.place),
                "both password_file and password_env are set", "one of the two");
  }

  void check_tls(NodeAt node) {
    const auto mode = resolver_.connect<std::string>(node, "sslmode");
    const auto root = resolver_.connect<std::string>(node, "sslrootcert");
    const auto cert = resolver_.connect<std::string>(node, "sslcert");
    const auto key = resolver_.connect<std::string>(node, "sslkey");
    if (!mode.value || !root.value || !cert.value || !key.value) return;
    const Place& here = shape_.nodes[node.node].place;
    if (mode.value->starts_with("verify-") && root.value->empty()) {
      report_.add(first_of({mode.written}, here), "sslmode " + *mode.value + " without sslrootcert",
                  "sslrootcert with the path of the certificate authority");
    }
    if (!cert.value->empty() && key.value->empty()) {
      report_.add(first_of({cert.written}, here), "sslcert without sslkey", "both or neither");
    }
    if (cert.value->empty() && !key.value->empty()) {
      report_.add(first_of({key.written}, here), "sslkey without sslcert", "both or neither");
    }
    if (!mode.written && !(root.value->empty() && cert.value->empty())) {
      report_.add(first_of({root.written, cert.written}, here),
                  "certificates without sslmode, which would not use them",
                  "sslmode require | verify-ca | verify-full");
    }
  }

  const Resolver& resolver_;
  std::size_t shard_;
  const Settings::Shard& shape_;
  Report& report_;
};

void check_shard_ids(const Resolver& resolver, Report& report) {
  std::map<std::string, std::size_t> ids;
  for (std::size_t i = 0; i < resolver.settings().shards.size(); ++i) {
    const auto id = resolver.shard<std::string>(i, "id");
    if (!id.value) continue;
    const auto [first, is_new] = ids.emplace(*id.value, i);
    if (is_new) continue;
    report.add(*id.written,
               "shard id " + quote(*id.value) + " is taken by shards[" +
                   std::to_string(first->second) + "]",
               "an id of its own");
  }
}

// Reports the required keys directly below `prefix` that are not written in `item`.
void check_item(const Settings& settings, const Settings::Item& item, std::string_view prefix,
                Report& report) {
  for (const Key& key : all_keys()) {
    if (!key.required || !key.path.starts_with(prefix)) continue;
    const std::string name(key.path.substr(prefix.size()));
    if (name.find('.') != std::string::npos) continue;
    const std::string path = item.place.path + "." + name;
    if (settings.by_path.contains(path)) continue;
    report.add({item.place.mark, path}, "is missing", render_allowed(key));
  }
}

void check_node(const Resolver& resolver, NodeAt at, Report& report) {
  const Settings::Item& item = resolver.settings().shards[at.shard].nodes[at.node];
  if (!item.is_map) return;
  check_item(resolver.settings(), item, "shards[].nodes[].", report);
  if (resolver.connect<std::string>(at, "host").written) return;
  report.add({item.place.mark, item.place.path + ".host"}, "is missing",
             render_allowed(key_of("defaults.connect.host")));
}

void check_shard(const Resolver& resolver, std::size_t index, Report& report) {
  const Settings::Shard& shard = resolver.settings().shards[index];
  if (!shard.item.is_map) return;
  check_item(resolver.settings(), shard.item, "shards[].", report);
  const std::string nodes = shard.item.place.path + ".nodes";
  if (!resolver.settings().by_path.contains(nodes)) {
    report.add({shard.item.place.mark, nodes}, "is missing", "a list of nodes");
  }
  for (std::size_t node = 0; node < shard.nodes.size(); ++node) {
    check_node(resolver, {.shard = index, .node = node}, report);
  }
}

}  // namespace

void check_required(const Resolver& resolver, Report& report) {
  const Settings& settings = resolver.settings();
  if (settings.root.is_map && !settings.by_path.contains("shards")) {
    report.add({settings.root.place.mark, "shards"}, "is missing", "a list of shards");
  }
  for (std::size_t i = 0; i < settings.shards.size(); ++i) check_shard(resolver, i, report);
}

void check_contradictions(const Resolver& resolver, Report& report) {
  check_listeners(resolver, report);
  check_probe(resolver, report);
  check_shard_ids(resolver, report);
  for (std::size_t i = 0; i < resolver.settings().shards.size(); ++i) {
    ShardCheck(resolver, i, report).run();
  }
}

}  // namespace rpoguard::config
