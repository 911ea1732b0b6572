#include "exporter/config/check_sources.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "exporter/config/findings.hpp"
#include "exporter/core/units.hpp"

namespace rpoguard::config {
namespace {

using Text = Chosen<std::string>;
using List = Chosen<std::vector<std::string>>;

// Known and not empty; known and empty. A value that was refused is neither.
template <typename T>
bool is_set(const Chosen<T>& chosen) {
  return chosen.value && !chosen.value->empty();
}
template <typename T>
bool is_unset(const Chosen<T>& chosen) {
  return chosen.value && chosen.value->empty();
}

class SourceCheck {
 public:
  SourceCheck(const Resolver& resolver, std::size_t shard, Report& report)
      : resolver_(resolver), shard_(shard), report_(report) {}

  void run() {
    check_epoch();
    check_generation();
    check_pace("witness.");
    check_pace("writer_endpoint.");
    check_canary();
    check_archive();
    check_readable_from();
  }

 private:
  Text text(std::string_view name) const { return resolver_.policy<std::string>(shard_, name); }
  List list(std::string_view name) const {
    return resolver_.policy<std::vector<std::string>>(shard_, name);
  }
  NamedDuration duration(const std::string& name) const {
    return {name, resolver_.policy<MaybeDuration>(shard_, name)};
  }

  // `key` means something only while `source` is `word`, which needs it. Neither is so by default:
  // what is reported is written.
  template <typename T>
  void check_belongs(const Text& source, const std::string& source_name, const std::string& word,
                     const std::string& key_name, const Chosen<T>& key) {
    if (!source.value) return;
    const std::string need = source_name + " " + word;
    if (*source.value == word && is_unset(key)) {
      report_.add(*source.written, need + " without " + key_name, key_name);
    }
    if (*source.value != word && is_set(key) && !replaces(source, key)) {
      report_.add(*key.written, key_name + " without " + need, need);
    }
  }

  // `key` means something only together with `other`.
  void check_needs(const std::string& key_name, const std::string& other_name) {
    const Text key = text(key_name);
    const Text other = text(other_name);
    if (!is_set(key) || !is_unset(other) || replaces(other, key)) return;
    report_.add(*key.written, key_name + " without " + other_name, other_name);
  }

  void check_epoch() {
    const Text source = text("epoch.source");
    check_belongs(source, "epoch.source", "query", "epoch.query", text("epoch.query"));
    check_belongs(source, "epoch.source", "http", "epoch.writer_pointer",
                  text("epoch.writer_pointer"));
    if (source.value == "http") {
      check_belongs(source, "epoch.source", "http", "epoch.url", text("epoch.url"));
      check_belongs(source, "epoch.source", "http", "epoch.pointer", text("epoch.pointer"));
    } else {
      check_witness("epoch.");
    }
    check_authority("epoch.");
    check_token("epoch.");
  }

  void check_generation() {
    check_witness("generation.");
    check_authority("generation.");
    check_token("generation.");
  }

  void check_witness(const std::string& group) {
    check_needs(group + "url", group + "pointer");
    for (const char* key : {"pointer", "token_file", "ca_file"}) {
      check_needs(group + key, group + "url");
    }
  }

  void check_authority(const std::string& group) {
    const Text url = text(group + "url");
    const Text authority = text(group + "ca_file");
    if (!is_set(url) || !is_set(authority) || url.value->starts_with("https://")) return;
    if (replaces(url, authority)) return;
    report_.add(*authority.written, group + "ca_file with an http:// url, which would not use it",
                "an https:// url");
  }

  // A token in clear text belongs to whoever listens on the way.
  void check_token(const std::string& group) {
    const Text url = text(group + "url");
    const Text token = text(group + "token_file");
    if (!is_set(url) || !is_set(token) || replaces(url, token)) return;
    if (!goes_in_clear_text(*url.value)) return;
    report_.add(*token.written,
                group + "token_file with an http:// url, which would send the token in clear text",
                "an https:// url, or one of this host");
  }

  // One at a time, and one answer lost is not yet a loss.
  void check_pace(const std::string& group) {
    const NamedDuration interval = duration(group + "interval");
    const NamedDuration timeout = duration(group + "timeout");
    const NamedDuration ttl = duration(group + "ttl");
    require_less(timeout, interval, report_);
    const auto every = duration_of(interval.chosen);
    const auto limit = duration_of(timeout.chosen);
    const auto good_for = duration_of(ttl.chosen);
    if (!every || !limit || !good_for || *good_for >= *every + *limit) return;
    report_.add(first_of({ttl.chosen.written, interval.chosen.written, timeout.chosen.written}),
                render_named(ttl) + " is less than " + render_named(interval) + " + " +
                    render_named(timeout),
                ttl.name + " >= " + interval.name + " + " + timeout.name);
  }

  // In `defaults` it is for those shards that have an endpoint.
  void check_canary() {
    const auto canary = resolver_.policy<bool>(shard_, "writer_endpoint.canary");
    const bool here = canary.written && canary.written->path.starts_with("shards[");
    if (!here || canary.value != true || !is_unset(text("writer_endpoint.host"))) return;
    report_.add(*canary.written, "writer_endpoint.canary without writer_endpoint.host",
                "writer_endpoint.host");
  }

  void check_archive() {
    const Text source = text("archive.source");
    const Text format = text("archive.format");
    check_belongs(source, "archive.source", "directory", "archive.directory",
                  text("archive.directory"));
    check_belongs(source, "archive.source", "command", "archive.command", list("archive.command"));
    if (!source.value) return;
    if (format.value == "pgbackrest" && *source.value != "command" && !replaces(source, format)) {
      report_.add(*format.written, "archive.format pgbackrest without archive.source command",
                  "archive.source command");
    }
    // What is looked at less often would be too old before it is looked at again.
    if (*source.value == "postgres") return;
    require_less(duration("archive.interval"), duration("archive.max_age"), report_);
  }

  void check_readable_from() {
    const Text source = text("archive.source");
    const Text format = text("archive.format");
    const List regions = list("archive.readable_from");
    if (!is_set(regions) || !source.value || !format.value) return;
    const Place& place = *regions.written;
    if (*source.value == "postgres") {
      report_.add(
          replaces(source, regions) ? *source.written : place,
          "archive.readable_from with archive.source postgres: the writer's word is no copy",
          "archive.source directory | command");
    } else if (*source.value == "command" && *format.value == "pgbackrest") {
      report_.add(replaces(format, regions) ? *format.written : place,
                  "archive.readable_from with archive.format pgbackrest: its report names the "
                  "first and the last file, holes would not show",
                  "archive.format names");
    }
    check_allowed(*regions.value);
  }

  // What `defaults` says is right for other shards: the place is this shard.
  void check_allowed(const std::vector<std::string>& regions) {
    const auto allowed = resolver_.allowed_regions(shard_);
    if (!allowed) return;
    const Place place = resolver_.place_in_shard(shard_, "archive.readable_from");
    for (const std::string& region : regions) {
      if (std::ranges::find(*allowed, region) != allowed->end()) continue;
      report_.add(
          place, "archive.readable_from has " + quote(region) + ", which is not in allowed_regions",
          "some of allowed_regions");
    }
  }

  const Resolver& resolver_;
  std::size_t shard_;
  Report& report_;
};

}  // namespace

void check_sources(const Resolver& resolver, std::size_t shard, Report& report) {
  SourceCheck(resolver, shard, report).run();
}

}  // namespace rpoguard::config
