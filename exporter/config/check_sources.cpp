#include "exporter/config/check_sources.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "exporter/config/findings.hpp"

namespace rpoguard::config {
namespace {

using core::ArchiveFormat;
using core::ArchiveSource;
using core::ArchiveSpec;
using core::Duration;
using core::EndpointSpec;
using core::EpochSource;
using core::ShardSpec;
using core::WitnessSpec;

// Known and not empty; known and empty. A value that was refused is neither.
template <typename T>
bool is_set(const Chosen<T>& chosen) {
  return chosen.value && !chosen.value->empty();
}
template <typename T>
bool is_unset(const Chosen<T>& chosen) {
  return chosen.value && chosen.value->empty();
}

// "archive.source command"
template <typename Source>
std::string name_with(const Chosen<Source>& chosen, Source word) {
  return name_of(chosen) + " " + name_of(word);
}

class SourceCheck {
 public:
  SourceCheck(const KeyResolver& resolver, ShardAt at, Report& report)
      : resolver_(resolver), at_(at), report_(report) {}

  void run() {
    check_epoch();
    check_generation();
    check_pace(get<&ShardSpec::epoch_witness, &WitnessSpec::interval>(),
               get<&ShardSpec::epoch_witness, &WitnessSpec::timeout>(),
               get<&ShardSpec::epoch_witness, &WitnessSpec::ttl>());
    check_pace(get<&ShardSpec::endpoint, &EndpointSpec::interval>(),
               get<&ShardSpec::endpoint, &EndpointSpec::timeout>(),
               get<&ShardSpec::endpoint, &EndpointSpec::ttl>());
    check_canary();
    check_archive();
    check_readable_from();
  }

 private:
  template <auto... Steps>
  Chosen<typename Path<Steps...>::Type> get() const {
    return resolver_.get<Steps...>(at_);
  }

  // `key` means something only while `source` is `word`, which needs it. Neither is so by default:
  // what is reported is written.
  template <typename Source, typename T>
  void check_belongs(const Chosen<Source>& source, Source word, const Chosen<T>& key) {
    if (!source.value) return;
    const std::string need = name_with(source, word);
    if (*source.value == word && is_unset(key)) {
      report_.add(*source.written, need + " without " + name_of(key), name_of(key));
    }
    if (*source.value != word && is_set(key) && !replaces(source, key)) {
      report_.add(*key.written, name_of(key) + " without " + need, need);
    }
  }

  // `key` means something only together with `other`.
  void check_needs(const Chosen<std::string>& key, const Chosen<std::string>& other) {
    if (!is_set(key) || !is_unset(other) || replaces(other, key)) return;
    report_.add(*key.written, name_of(key) + " without " + name_of(other), name_of(other));
  }

  void check_epoch() {
    const auto source = get<&ShardSpec::epoch_source>();
    check_belongs(source, EpochSource::query, get<&ShardSpec::epoch_query>());
    check_belongs(source, EpochSource::http,
                  get<&ShardSpec::epoch_witness, &WitnessSpec::writer_pointer>());
    if (source.value == EpochSource::http) {
      check_belongs(source, EpochSource::http, get<&ShardSpec::epoch_witness, &WitnessSpec::url>());
      check_belongs(source, EpochSource::http,
                    get<&ShardSpec::epoch_witness, &WitnessSpec::pointer>());
    } else {
      check_witness<&ShardSpec::epoch_witness>();
    }
    check_authority<&ShardSpec::epoch_witness>();
    check_token<&ShardSpec::epoch_witness>();
  }

  void check_generation() {
    check_witness<&ShardSpec::generation_witness>();
    check_authority<&ShardSpec::generation_witness>();
    check_token<&ShardSpec::generation_witness>();
  }

  template <auto Witness>
  void check_witness() {
    const auto url = get<Witness, &WitnessSpec::url>();
    const auto pointer = get<Witness, &WitnessSpec::pointer>();
    check_needs(url, pointer);
    check_needs(pointer, url);
    check_needs(get<Witness, &WitnessSpec::token_file>(), url);
    check_needs(get<Witness, &WitnessSpec::ca_file>(), url);
  }

  template <auto Witness>
  void check_authority() {
    const auto url = get<Witness, &WitnessSpec::url>();
    const auto authority = get<Witness, &WitnessSpec::ca_file>();
    if (!is_set(url) || !is_set(authority) || url.value->starts_with("https://")) return;
    if (replaces(url, authority)) return;
    report_.add(*authority.written,
                name_of(authority) + " with an http:// url, which would not use it",
                "an https:// url");
  }

  // A token in clear text belongs to whoever listens on the way.
  template <auto Witness>
  void check_token() {
    const auto url = get<Witness, &WitnessSpec::url>();
    const auto token = get<Witness, &WitnessSpec::token_file>();
    if (!is_set(url) || !is_set(token) || replaces(url, token)) return;
    if (!goes_in_clear_text(*url.value)) return;
    report_.add(*token.written,
                name_of(token) + " with an http:// url, which would send the token in clear text",
                "an https:// url, or one of this host");
  }

  // One at a time, and one answer lost is not yet a loss.
  void check_pace(const Chosen<Duration>& interval, const Chosen<Duration>& timeout,
                  const Chosen<Duration>& ttl) {
    require_less(timeout, interval, report_);
    if (!interval.value || !timeout.value || !ttl.value) return;
    if (*ttl.value >= *interval.value + *timeout.value) return;
    report_.add(first_of({ttl.written, interval.written, timeout.written}),
                render_named(ttl) + " is less than " + render_named(interval) + " + " +
                    render_named(timeout),
                name_of(ttl) + " >= " + name_of(interval) + " + " + name_of(timeout));
  }

  // In `defaults` it is for those shards that have an endpoint.
  void check_canary() {
    const auto canary = get<&ShardSpec::endpoint, &EndpointSpec::canary>();
    const auto host = get<&ShardSpec::endpoint, &EndpointSpec::connect, &core::ConnectSpec::host>();
    const bool here = canary.written && canary.written->path.starts_with("shards[");
    if (!here || canary.value != true || !is_unset(host)) return;
    report_.add(*canary.written, name_of(canary) + " without " + name_of(host), name_of(host));
  }

  void check_archive() {
    const auto source = get<&ShardSpec::archive, &ArchiveSpec::source>();
    const auto format = get<&ShardSpec::archive, &ArchiveSpec::format>();
    check_belongs(source, ArchiveSource::directory,
                  get<&ShardSpec::archive, &ArchiveSpec::directory>());
    check_belongs(source, ArchiveSource::command,
                  get<&ShardSpec::archive, &ArchiveSpec::command>());
    if (!source.value) return;
    if (format.value == ArchiveFormat::pgbackrest && *source.value != ArchiveSource::command &&
        !replaces(source, format)) {
      const std::string need = name_with(source, ArchiveSource::command);
      report_.add(*format.written,
                  name_with(format, ArchiveFormat::pgbackrest) + " without " + need, need);
    }
    // What is looked at less often would be too old before it is looked at again.
    if (*source.value == ArchiveSource::postgres) return;
    require_less(get<&ShardSpec::archive, &ArchiveSpec::interval>(),
                 if_set(get<&ShardSpec::archive, &ArchiveSpec::max_age>()), report_);
  }

  void check_readable_from() {
    const auto source = get<&ShardSpec::archive, &ArchiveSpec::source>();
    const auto format = get<&ShardSpec::archive, &ArchiveSpec::format>();
    const auto regions = get<&ShardSpec::archive, &ArchiveSpec::readable_from>();
    if (!is_set(regions) || !source.value || !format.value) return;
    const Place& place = *regions.written;
    if (*source.value == ArchiveSource::postgres) {
      report_.add(
          replaces(source, regions) ? *source.written : place,
          name_of(regions) + " with " + name_with(source, ArchiveSource::postgres) +
              ": what the writer reports is never a counted copy",
          name_with(source, ArchiveSource::directory) + " | " + name_of(ArchiveSource::command));
    } else if (*source.value == ArchiveSource::command &&
               *format.value == ArchiveFormat::pgbackrest) {
      report_.add(replaces(format, regions) ? *format.written : place,
                  name_of(regions) + " with " + name_with(format, ArchiveFormat::pgbackrest) +
                      ": its report names only the first and the last file, so holes do not show",
                  name_with(format, ArchiveFormat::names));
    }
    check_allowed(regions);
  }

  // What `defaults` says is right for other shards: the place is this shard.
  void check_allowed(const Chosen<std::vector<std::string>>& regions) {
    const auto allowed = resolver_.allowed_regions(at_);
    if (!allowed) return;
    const Place place = resolver_.place_in_shard(*regions.key, at_);
    const std::string all = short_name(key_of<&ShardSpec::allowed_regions>());
    for (const std::string& region : *regions.value) {
      if (std::ranges::find(*allowed, region) != allowed->end()) continue;
      report_.add(place, name_of(regions) + " has " + quote(region) + ", which is not in " + all,
                  "some of " + all);
    }
  }

  const KeyResolver& resolver_;
  ShardAt at_;
  Report& report_;
};

}  // namespace

void check_sources(const KeyResolver& resolver, ShardAt at, Report& report) {
  SourceCheck(resolver, at, report).run();
}

}  // namespace rpoguard::config
