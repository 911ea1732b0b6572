#include "exporter/config/checks.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exporter/config/check_connect.hpp"
#include "exporter/config/check_hooks.hpp"
#include "exporter/config/check_sources.hpp"
#include "exporter/config/findings.hpp"
#include "exporter/core/units.hpp"

namespace rpoguard::config {
namespace {

using core::Duration;

bool is_wildcard(const std::string& host) {
  return host == "0.0.0.0" || host == "::";
}

bool overlap(const core::ListenSpec& a, const core::ListenSpec& b) {
  if (a.port != b.port || a.port == 0) return false;  // 0: two free ports
  return a.host == b.host || is_wildcard(a.host) || is_wildcard(b.host);
}

void check_listeners(const Resolver& resolver, Report& report) {
  const std::array<std::string, 4> names{"listen.ops", "listen.gate", "listen.agent",
                                         "listen.health"};
  for (std::size_t second = 1; second < names.size(); ++second) {
    for (std::size_t first = 0; first < second; ++first) {
      const auto one = resolver.global<core::ListenSpec>(names[first]);
      const auto other = resolver.global<core::ListenSpec>(names[second]);
      if (!one.value || !other.value || !overlap(*one.value, *other.value)) continue;
      report.add(first_of({other.written, one.written}),
                 names[first] + " and " + names[second] + " have the same address",
                 "two different ports");
    }
  }
}

void check_probe(const Resolver& resolver, Report& report) {
  const auto get = [&](std::string_view name) {
    return NamedDuration{std::string(name), resolver.global<MaybeDuration>(name)};
  };
  const NamedDuration interval = get("probe.interval");
  const NamedDuration timeout = get("probe.timeout");
  require_less(timeout, interval, report);
  require_at_least(get("probe.slow_interval"), interval, report);
  require_at_least(get("probe.connect_timeout"), timeout, report);
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
  }

 private:
  NodeAt at(std::size_t node) const { return {.shard = shard_, .node = node}; }

  NamedDuration duration(const std::string& name) const {
    return {name, resolver_.policy<MaybeDuration>(shard_, name)};
  }

  void check_promise() {
    const NamedDuration interval{"probe.interval",
                                 resolver_.global<MaybeDuration>("probe.interval")};
    const NamedDuration rpo = duration("rpo");
    const auto target = duration_of(rpo.chosen);
    if (!target) return;
    if (*target == Duration::zero()) {
      check_synchronous(rpo, interval);
      return;
    }
    const auto every = duration_of(interval.chosen);
    if (every && *every > *target / 4) {
      report_.add(first_of({rpo.chosen.written, interval.chosen.written}),
                  render_named(interval) + " is more than a quarter of " + render_named(rpo),
                  "probe.interval <= rpo / 4");
    }
    const NamedDuration reopen = duration("gate.reopen_below");
    require_less(reopen, rpo, report_);
    // Between two probes the exposure grows by the interval: it would never stay below.
    const auto below = duration_of(reopen.chosen);
    if (!every || !below || *below > *every) return;
    report_.add(first_of({reopen.chosen.written}),
                render_named(reopen) + " is not more than " + render_named(interval) +
                    ", and the gate could never reopen",
                "gate.reopen_below > probe.interval");
  }

  void check_synchronous(const NamedDuration& rpo, const NamedDuration& interval) {
    const NamedDuration ttl = duration("proof_ttl");
    const auto good_for = duration_of(ttl.chosen);
    const auto every = duration_of(interval.chosen);
    if (!good_for || !every || *good_for >= *every) return;
    report_.add(first_of({ttl.chosen.written, rpo.chosen.written}),
                "rpo 0s with " + render_named(ttl) + " less than " + render_named(interval),
                "proof_ttl >= probe.interval");
  }

  void check_regions() {
    const auto home = resolver_.shard<std::string>(shard_, "home_region");
    if (!home.value) return;
    const auto written = resolver_.shard<std::vector<std::string>>(shard_, "allowed_regions");
    if (written.value && std::ranges::find(*written.value, *home.value) == written.value->end()) {
      report_.add(*home.written, "home_region " + quote(*home.value) + " is not in allowed_regions",
                  "one of allowed_regions");
    }
    const auto regions = resolver_.regions_of_nodes(shard_);
    if (regions && std::ranges::find(*regions, *home.value) == regions->end()) {
      report_.add(*home.written, "no node is in home_region " + quote(*home.value),
                  "the region of a node");
    }
  }

  // How many nodes count as copies while the writer is at home; nullopt: cannot be told.
  std::optional<std::int64_t> countable_nodes() const {
    const auto home = resolver_.shard<std::string>(shard_, "home_region");
    const auto regions = resolver_.regions_of_nodes(shard_);
    const auto allowed = resolver_.allowed_regions(shard_);
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

  // The archive is one more copy where somebody outside the home region can read it, but never a
  // synchronous one.
  std::optional<bool> archive_can_count() const {
    const auto home = resolver_.shard<std::string>(shard_, "home_region");
    const auto allowed = resolver_.allowed_regions(shard_);
    const auto rpo = resolver_.policy<MaybeDuration>(shard_, "rpo");
    const auto regions =
        resolver_.policy<std::vector<std::string>>(shard_, "archive.readable_from");
    if (!home.value || !allowed || !regions.value) return std::nullopt;
    const auto counts = [&](const std::string& region) {
      return region != *home.value && std::ranges::find(*allowed, region) != allowed->end();
    };
    if (std::ranges::none_of(*regions.value, counts)) return false;
    if (!rpo.value) return std::nullopt;
    return *rpo.value != Duration::zero();
  }

  void check_copies() {
    const auto copies = resolver_.policy<std::int64_t>(shard_, "copies");
    const auto nodes = countable_nodes();
    const auto archive = archive_can_count();
    if (!copies.value || !nodes || !archive || *copies.value <= *nodes) return;
    if (*archive && *copies.value == *nodes + 1) {
      check_archive_pace();
      return;
    }
    report_.add(resolver_.place_in_shard(shard_, "copies"),
                "copies is " + std::to_string(*copies.value) +
                    ", but the nodes that can count are " + std::to_string(*nodes) +
                    (*archive ? ", and the archive" : ""),
                "at least as many nodes outside home_region, in allowed_regions, with "
                "durability_target true");
  }

  // The archive is one of the copies that must hold a commit, and between two looks at it the
  // exposure grows as between two probes.
  void check_archive_pace() {
    const NamedDuration interval = duration("archive.interval");
    const NamedDuration rpo = duration("rpo");
    const auto every = duration_of(interval.chosen);
    const auto target = duration_of(rpo.chosen);
    if (!every || !target || *every <= *target / 4) return;
    report_.add(resolver_.place_in_shard(shard_, "archive.interval"),
                render_named(interval) + " is more than a quarter of " + render_named(rpo) +
                    ", and the archive is one of the copies that must hold a commit",
                "archive.interval <= rpo / 4, or more nodes that can count");
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
    report.add({settings.root.place.mark, "shards"}, "is missing",
               "a list of shards, as in rpoguard.reference.yml");
  }
  for (std::size_t i = 0; i < settings.shards.size(); ++i) check_shard(resolver, i, report);
  for (const Settings::Item& hook : settings.hooks) {
    if (hook.is_map) check_item(settings, hook, "hooks[].", report);
  }
}

void check_contradictions(const Resolver& resolver, Report& report) {
  check_listeners(resolver, report);
  check_probe(resolver, report);
  check_shard_ids(resolver, report);
  check_hooks(resolver, report);
  for (std::size_t i = 0; i < resolver.settings().shards.size(); ++i) {
    ShardCheck(resolver, i, report).run();
    check_connections(resolver, i, report);
    check_sources(resolver, i, report);
  }
}

}  // namespace rpoguard::config
