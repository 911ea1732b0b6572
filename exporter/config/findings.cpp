#include "exporter/config/findings.hpp"

#include <algorithm>

#include "exporter/config/text.hpp"
#include "exporter/core/check.hpp"
#include "exporter/core/units.hpp"
#include "exporter/core/url.hpp"

namespace rpoguard::config {

std::string quote(const std::string& text) {
  return '"' + text + '"';
}

Place first_of(std::initializer_list<std::optional<Place>> written) {
  const auto* found = std::ranges::find_if(written, &std::optional<Place>::has_value);
  RPOGUARD_CHECK(found != written.end());
  return **found;
}

bool goes_in_clear_text(const std::string& text) {
  const auto url = core::split_url(replace_shard(text, "id"));
  if (!url || url.value().tls) return false;
  const std::string& host = url.value().host;
  const bool numeric = host.find_first_not_of("0123456789.") == std::string::npos;
  const bool stays_here =
      host == "localhost" || host == "::1" || (numeric && host.starts_with("127."));
  return !stays_here;
}

std::optional<core::Duration> duration_of(const Chosen<MaybeDuration>& chosen) {
  return chosen.value ? *chosen.value : std::nullopt;
}

std::string render_named(const NamedDuration& named) {
  return named.name + " (" + core::render_duration(*duration_of(named.chosen)) + ")";
}

void require_less(const NamedDuration& small, const NamedDuration& large, Report& report) {
  const auto low = duration_of(small.chosen);
  const auto high = duration_of(large.chosen);
  if (!low || !high || *low < *high) return;
  report.add(first_of({small.chosen.written, large.chosen.written}),
             render_named(small) + " is not less than " + render_named(large),
             small.name + " < " + large.name);
}

void require_at_least(const NamedDuration& value, const NamedDuration& least, Report& report) {
  const auto given = duration_of(value.chosen);
  const auto bound = duration_of(least.chosen);
  if (!given || !bound || *given >= *bound) return;
  report.add(first_of({value.chosen.written, least.chosen.written}),
             render_named(value) + " is less than " + render_named(least),
             value.name + " >= " + least.name);
}

}  // namespace rpoguard::config
