#include "exporter/config/findings.hpp"

#include <algorithm>

#include "exporter/base/check.hpp"
#include "exporter/config/text.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/core/model/url.hpp"

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
  const auto url = core::split_url(replace_shard(text, "x"));
  if (!url || url.value().tls) return false;
  const std::string& host = url.value().host;
  const bool numeric = host.find_first_not_of("0123456789.") == std::string::npos;
  const bool stays_here =
      host == "localhost" || host == "::1" || (numeric && host.starts_with("127."));
  return !stays_here;
}

std::string render_named(const Chosen<core::Duration>& duration) {
  return name_of(duration) + " (" + core::render_duration(*duration.value) + ")";
}

void require_less(const Chosen<core::Duration>& small, const Chosen<core::Duration>& large,
                  Report& report) {
  if (!small.value || !large.value || *small.value < *large.value) return;
  report.add(first_of({small.written, large.written}),
             render_named(small) + " is not less than " + render_named(large),
             name_of(small) + " < " + name_of(large));
}

void require_at_least(const Chosen<core::Duration>& value, const Chosen<core::Duration>& least,
                      Report& report) {
  if (!value.value || !least.value || *value.value >= *least.value) return;
  report.add(first_of({value.written, least.written}),
             render_named(value) + " is less than " + render_named(least),
             name_of(value) + " >= " + name_of(least));
}

}  // namespace rpoguard::config
