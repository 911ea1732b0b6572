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
#include "exporter/core/model/limits.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::config {
namespace {

using core::ArchiveSpec;
using core::ConnectSpec;
using core::Duration;
using core::NodeSpec;
using core::ProbeSpec;
using core::ShardSpec;
using core::Spec;

bool is_wildcard(const std::string& host) {
  return host == "0.0.0.0" || host == "::";
}

bool overlap(const core::ListenSpec& a, const core::ListenSpec& b) {
  if (a.port != b.port || a.port == 0) return false;  // 0: two free ports
  return a.host == b.host || is_wildcard(a.host) || is_wildcard(b.host);
}

void check_listeners(const KeyResolver& resolver, Report& report) {
  constexpr WholeFile kAt;
  const std::array listeners{resolver.get<&Spec::ops>(kAt), resolver.get<&Spec::gate>(kAt),
                             if_set(resolver.get<&Spec::agent>(kAt)),
                             if_set(resolver.get<&Spec::health>(kAt))};
  for (std::size_t second = 1; second < listeners.size(); ++second) {
    for (std::size_t first = 0; first < second; ++first) {
      const auto& one = listeners[first];
      const auto& other = listeners[second];
      if (!one.value || !other.value || !overlap(*one.value, *other.value)) continue;
      report.add(first_of({other.written, one.written}),
                 name_of(one) + " and " + name_of(other) + " have the same address",
                 "two different ports");
    }
  }
}

void check_probe(const KeyResolver& resolver, Report& report) {
  constexpr WholeFile kAt;
  const auto interval = resolver.get<&Spec::probe, &ProbeSpec::interval>(kAt);
  const auto timeout = resolver.get<&Spec::probe, &ProbeSpec::timeout>(kAt);
  require_less(timeout, interval, report);
  require_at_least(resolver.get<&Spec::probe, &ProbeSpec::slow_interval>(kAt), interval, report);
  require_at_least(resolver.get<&Spec::probe, &ProbeSpec::connect_timeout>(kAt), timeout, report);
}

// All contradictions within one shard.
class ShardCheck {
 public:
  ShardCheck(const KeyResolver& resolver, ShardAt at, Report& report)
      : resolver_(resolver),
        at_(at),
        shape_(resolver.settings().shards[at.shard]),
        report_(report) {}

  void run() {
    check_promise();
    check_lease();
    check_regions();
    check_copies();
    check_names();
    check_targets();
  }

 private:
  template <auto... Steps>
  Chosen<typename Path<Steps...>::Type> get() const {
    return resolver_.get<Steps...>(at_);
  }
  template <auto... Steps>
  Chosen<typename Path<Steps...>::Type> get_of_node(std::size_t node) const {
    return resolver_.get<Steps...>(NodeAt{.shard = at_.shard, .node = node});
  }

  void check_promise() {
    const auto interval = resolver_.get<&Spec::probe, &ProbeSpec::interval>(WholeFile{});
    const auto rpo = get<&ShardSpec::rpo>();
    if (!rpo.value) return;
    if (*rpo.value == Duration::zero()) {
      check_synchronous(rpo, interval);
      return;
    }
    if (interval.value && *interval.value > *rpo.value / 4) {
      report_.add(first_of({rpo.written, interval.written}),
                  render_named(interval) + " is more than a quarter of " + render_named(rpo),
                  name_of(interval) + " <= " + name_of(rpo) + " / 4");
    }
    const auto reopen = get<&ShardSpec::gate, &core::GateSpec::reopen_below>();
    require_less(reopen, rpo, report_);
    // Between two probes the exposure grows by the interval: it would never stay below.
    if (!interval.value || !reopen.value || *reopen.value > *interval.value) return;
    report_.add(first_of({reopen.written}),
                render_named(reopen) + " is not more than " + render_named(interval) +
                    ", and the gate could never reopen",
                name_of(reopen) + " > " + name_of(interval));
  }

  void check_lease() {
    const auto interval = resolver_.get<&Spec::probe, &ProbeSpec::interval>(WholeFile{});
    const auto lease = get<&ShardSpec::gate, &core::GateSpec::max_lease>();
    if (!lease.value || !interval.value ||
        *lease.value >= core::limits::kLeaseIntervalsMin * *interval.value)
      return;
    const std::string least =
        std::to_string(core::limits::kLeaseIntervalsMin) + " * " + name_of(interval);
    report_.add(*lease.written,
                render_named(lease) + " is less than twice " + render_named(interval) +
                    ", and the gate could close between two evaluations",
                name_of(lease) + " >= " + least);
  }

  void check_synchronous(const Chosen<Duration>& rpo, const Chosen<Duration>& interval) {
    const auto ttl = get<&ShardSpec::proof_ttl>();
    if (!ttl.value || !interval.value || *ttl.value >= *interval.value) return;
    report_.add(
        first_of({ttl.written, rpo.written}),
        name_of(rpo) + " 0s with " + render_named(ttl) + " less than " + render_named(interval),
        name_of(ttl) + " >= " + name_of(interval));
  }

  void check_regions() {
    const auto home = get<&ShardSpec::home_region>();
    if (!home.value) return;
    const auto written = get<&ShardSpec::allowed_regions>();
    if (written.value && std::ranges::find(*written.value, *home.value) == written.value->end()) {
      report_.add(*home.written,
                  name_of(home) + " " + quote(*home.value) + " is not in " + name_of(written),
                  "one of " + name_of(written));
    }
    const auto regions = resolver_.regions_of_nodes(at_);
    if (regions && std::ranges::find(*regions, *home.value) == regions->end()) {
      report_.add(*home.written, "no node is in " + name_of(home) + " " + quote(*home.value),
                  "the region of a node");
    }
  }

  // How many nodes count as copies while the writer is at home; nullopt: cannot be told.
  std::optional<int> countable_nodes() const {
    const auto home = get<&ShardSpec::home_region>();
    const auto regions = resolver_.regions_of_nodes(at_);
    const auto allowed = resolver_.allowed_regions(at_);
    if (!home.value || !regions || !allowed) return std::nullopt;
    int count = 0;
    for (std::size_t i = 0; i < regions->size(); ++i) {
      const auto target = get_of_node<&NodeSpec::durability_target>(i);
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
    const auto home = get<&ShardSpec::home_region>();
    const auto allowed = resolver_.allowed_regions(at_);
    const auto rpo = get<&ShardSpec::rpo>();
    const auto regions = get<&ShardSpec::archive, &ArchiveSpec::readable_from>();
    if (!home.value || !allowed || !regions.value) return std::nullopt;
    const auto counts = [&](const std::string& region) {
      return region != *home.value && std::ranges::find(*allowed, region) != allowed->end();
    };
    if (std::ranges::none_of(*regions.value, counts)) return false;
    if (!rpo.value) return std::nullopt;
    return *rpo.value != Duration::zero();
  }

  void check_copies() {
    const auto copies = get<&ShardSpec::copies>();
    const auto nodes = countable_nodes();
    const auto archive = archive_can_count();
    if (!copies.value || !nodes || !archive || *copies.value <= *nodes) return;
    if (*archive && *copies.value == *nodes + 1) {
      check_archive_pace();
      return;
    }
    report_.add(resolver_.place_in_shard(*copies.key, at_),
                name_of(copies) + " is " + std::to_string(*copies.value) +
                    ", but the nodes that can count are " + std::to_string(*nodes) +
                    (*archive ? ", and the archive" : ""),
                "at least as many nodes outside " + short_name(key_of<&ShardSpec::home_region>()) +
                    ", in " + short_name(key_of<&ShardSpec::allowed_regions>()) + ", with " +
                    short_name(key_of<&NodeSpec::durability_target>()) + " true");
  }

  // The archive is one of the copies that must hold a commit, and between two looks at it the
  // exposure grows as between two probes.
  void check_archive_pace() {
    const auto interval = get<&ShardSpec::archive, &ArchiveSpec::interval>();
    const auto rpo = get<&ShardSpec::rpo>();
    if (!interval.value || !rpo.value || *interval.value <= *rpo.value / 4) return;
    report_.add(resolver_.place_in_shard(*interval.key, at_),
                render_named(interval) + " is more than a quarter of " + render_named(rpo) +
                    ", and the archive is one of the copies that must hold a commit",
                name_of(interval) + " <= " + name_of(rpo) + " / 4, or more nodes that can count");
  }

  void check_names() {
    std::set<std::string> names;
    std::map<std::string, std::string> announced;
    for (std::size_t i = 0; i < shape_.nodes.size(); ++i) {
      const auto name = get_of_node<&NodeSpec::name>(i);
      const auto application = get_of_node<&NodeSpec::application_name>(i);
      if (!name.value || (application.written && !application.value)) continue;
      if (!names.insert(*name.value).second) {
        report_.add(*name.written,
                    "node " + name_of(name) + " " + quote(*name.value) + " is taken in this shard",
                    "a name of its own");
        continue;
      }
      const bool named = application.value && !application.value->empty();
      const std::string& text = named ? *application.value : *name.value;
      const Place& place = named ? *application.written : *name.written;
      check_application_name(application, place, text);
      const auto [holder, is_new] = announced.emplace(text, *name.value);
      if (!is_new) {
        report_.add(place,
                    name_of(application) + " " + quote(text) + " is also that of node " +
                        quote(holder->second),
                    "a name of its own");
      }
    }
  }

  // PostgreSQL replaces what is not printable ASCII, and the name would never be found again.
  void check_application_name(const Chosen<std::string>& application, const Place& place,
                              const std::string& text) {
    const auto is_ascii = [](char c) { return c >= ' ' && c <= '~'; };
    if (std::ranges::all_of(text, is_ascii)) return;
    report_.add(place, name_of(application) + " " + quote(text) + " is not ASCII",
                "an " + name_of(application) + " of printable ASCII characters");
  }

  void check_targets() {
    std::map<std::pair<std::string, std::uint16_t>, std::size_t> targets;
    for (std::size_t i = 0; i < shape_.nodes.size(); ++i) {
      const ConnectAt connection{.shard = at_.shard, .node = i};
      const auto host = resolver_.get<&ConnectSpec::host>(connection);
      const auto port = resolver_.get<&ConnectSpec::port>(connection);
      if (!host.value || !port.value) continue;
      const auto [first, is_new] = targets.emplace(std::pair(*host.value, *port.value), i);
      if (is_new) continue;
      report_.add(shape_.nodes[i].place,
                  "same host and port as nodes[" + std::to_string(first->second) + "]",
                  "one server per node");
    }
  }

  const KeyResolver& resolver_;
  ShardAt at_;
  const Settings::Shard& shape_;
  Report& report_;
};

void check_shard_ids(const KeyResolver& resolver, Report& report) {
  std::map<std::string, std::size_t> ids;
  for (std::size_t i = 0; i < resolver.settings().shards.size(); ++i) {
    const auto id = resolver.get<&ShardSpec::id>(ShardAt{.shard = i});
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

void check_node(const KeyResolver& resolver, NodeAt at, Report& report) {
  const Settings::Item& item = resolver.settings().shards[at.shard].nodes[at.node];
  if (!item.is_map) return;
  check_item(resolver.settings(), item, kNode, report);
  const Key& host = key_of<&ConnectSpec::host>();
  if (resolver.get(host, ConnectAt{.shard = at.shard, .node = at.node}).written) return;
  report.add({item.place.mark, item.place.path + "." + short_name(host)}, "is missing",
             render_allowed(host));
}

void check_shard(const KeyResolver& resolver, std::size_t index, Report& report) {
  const Settings::Shard& shard = resolver.settings().shards[index];
  if (!shard.item.is_map) return;
  check_item(resolver.settings(), shard.item, kShard, report);
  const std::string nodes = shard.item.place.path + ".nodes";
  if (!resolver.settings().by_path.contains(nodes)) {
    report.add({shard.item.place.mark, nodes}, "is missing", "a list of nodes");
  }
  for (std::size_t node = 0; node < shard.nodes.size(); ++node) {
    check_node(resolver, {.shard = index, .node = node}, report);
  }
}

}  // namespace

void check_required(const KeyResolver& resolver, Report& report) {
  const Settings& settings = resolver.settings();
  if (settings.root.is_map && !settings.by_path.contains("shards")) {
    report.add({settings.root.place.mark, "shards"}, "is missing",
               "a list of shards, as in rpoguard.reference.yml");
  }
  for (std::size_t i = 0; i < settings.shards.size(); ++i) check_shard(resolver, i, report);
  for (const Settings::Item& hook : settings.hooks) {
    if (hook.is_map) check_item(settings, hook, kHook, report);
  }
}

void check_contradictions(const KeyResolver& resolver, Report& report) {
  check_listeners(resolver, report);
  check_probe(resolver, report);
  check_shard_ids(resolver, report);
  check_hooks(resolver, report);
  for (std::size_t i = 0; i < resolver.settings().shards.size(); ++i) {
    const ShardAt at{.shard = i};
    ShardCheck(resolver, at, report).run();
    check_connections(resolver, at, report);
    check_sources(resolver, at, report);
  }
}

}  // namespace rpoguard::config
