// Quantities of the field as distinct types: WAL positions, timelines, epochs, instants.
//
// Everything here is a value: thread-safe, no I/O, no clock. Parsing is strict; text that is not
// exactly the documented form yields std::nullopt, never a default.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rpoguard::core {

using Duration = std::chrono::nanoseconds;

/// Tag for CLOCK_BOOTTIME of the machine rpoguard runs on. It has no now(): time is a parameter of
/// the core.
struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

/// A moment on the sidecar's own CLOCK_BOOTTIME. All durations rpoguard decides on are differences
/// of these.
using Instant = BootClock::time_point;

/// A moment on some wall clock, in microseconds since 1970. For display, and for comparing a
/// server's clock with itself.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

/// A byte position in PostgreSQL's write-ahead log (pg_lsn). Text form "X/Y", two hexadecimal
/// 32-bit halves.
struct Lsn {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const Lsn&, const Lsn&) = default;
};

/// A WAL timeline id, 1 or greater. It rises by one with each promotion of a physical copy.
struct Timeline {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(const Timeline&, const Timeline&) = default;
};

/// The writer epoch: the number cluster_promote() raises. 0 is the epoch of a cluster never
/// promoted.
struct Epoch {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(const Epoch&, const Epoch&) = default;
};

/// Bytes from `from` up to `to`; negative when `to` is behind.
constexpr std::int64_t bytes_between(Lsn from, Lsn to) {
  return static_cast<std::int64_t>(to.value - from.value);
}

/// Parses "X/Y" as PostgreSQL prints it: 1 to 8 hexadecimal digits on either side. nullopt on
/// anything else.
std::optional<Lsn> parse_lsn(std::string_view text);
std::string render_lsn(Lsn lsn);

/// The segment a WAL file name stands for.
struct WalSegment {
  Timeline timeline;
  Lsn start;
  Lsn end;  ///< first byte after the segment
};

/// A power of two, 1 MiB to 1 GiB.
bool is_segment_size(std::uint64_t bytes);

/// Parses a 24-digit WAL file name for the given segment size.
/// nullopt for any other name: .history, .backup and .partial files are not whole segments.
std::optional<WalSegment> parse_wal_segment(std::string_view file_name,
                                            std::uint64_t segment_bytes);

/// Parses "1500ms", "5s", "10m", "2h", "1d" (also sums, biggest unit first: "1h30m"). A unit is
/// required, except for a lone "0". nullopt on anything else, on overflow and on negative numbers.
std::optional<Duration> parse_duration(std::string_view text);
/// Shortest exact form in the same syntax: "5s", "1h30m", "800ms".
std::string render_duration(Duration duration);

/// "2026-01-01T00:00:00.000Z"
std::string render_time(WallTime time);
/// Parses "2026-01-01T00:00Z" and "2026-01-01T00:00:00Z": UTC, a day that exists. nullopt on
/// anything else.
std::optional<WallTime> parse_time(std::string_view text);

/// Seconds as a double, for metrics and JSON.
constexpr double to_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace rpoguard::core
