// Any text to the parsers of the core: what they take they can print and read again, and what they
// refuse is refused without a crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "exporter/base/check.hpp"
#include "exporter/core/model/units.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace core = rpoguard::core;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto lsn = core::parse_lsn(text)) {
    RPOGUARD_CHECK(core::parse_lsn(core::render_lsn(*lsn)) == lsn);
  }
  if (const auto duration = core::parse_duration(text)) {
    RPOGUARD_CHECK(*duration >= core::Duration{0});
    RPOGUARD_CHECK(core::parse_duration(core::render_duration(*duration)) == duration);
  }
  for (std::uint64_t bytes = std::uint64_t{1} << 18U; bytes <= std::uint64_t{1} << 32U;
       bytes *= 2) {
    if (const auto segment = core::parse_wal_segment(text, bytes)) {
      RPOGUARD_CHECK(text.size() == 24);
      RPOGUARD_CHECK(segment->end.value - segment->start.value == bytes);
      RPOGUARD_CHECK(segment->start.value % bytes == 0);
      RPOGUARD_CHECK(segment->timeline.value > 0);
    }
  }
  return 0;
}
