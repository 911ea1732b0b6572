#include "exporter/config/findings.hpp"

#include "exporter/core/units.hpp"

namespace rpoguard::config {

std::string quote(const std::string& text) {
  return '"' + text + '"';
}

Place first_of(std::initializer_list<std::optional<Place>> written, const Place& otherwise) {
  for (const auto& place : written) {
    if (place) return *place;
  }
  return otherwise;
}

std::optional<core::Duration> duration_of(const Chosen<MaybeDuration>& chosen) {
  return chosen.value ? *chosen.value : std::nullopt;
}

std::string render_named(const NamedDuration& named) {
  return named.name + " (" + core::render_duration(*duration_of(named.chosen)) + ")";
}

void require_less(const NamedDuration& small, const NamedDuration& large, const Place& here,
                  Report& report) {
  const auto low = duration_of(small.chosen);
  const auto high = duration_of(large.chosen);
  if (!low || !high || *low < *high) return;
  report.add(first_of({small.chosen.written, large.chosen.written}, here),
             render_named(small) + " is not less than " + render_named(large),
             small.name + " < " + large.name);
}

void require_at_least(const NamedDuration& value, const NamedDuration& least, const Place& here,
                      Report& report) {
  const auto given = duration_of(value.chosen);
  const auto bound = duration_of(least.chosen);
  if (!given || !bound || *given >= *bound) return;
  report.add(first_of({value.chosen.written, least.chosen.written}, here),
             render_named(value) + " is less than " + render_named(least),
             value.name + " >= " + least.name);
}

}  // namespace rpoguard::config
