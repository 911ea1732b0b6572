#include "tests/bench/report.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace rpoguard::bench {
namespace {

/// Three significant digits, or all digits of what is larger.
std::string show(double value) {
  std::array<char, 64> text{};
  int decimals = 0;
  for (double scale = std::abs(value); scale < 100 && decimals < 4 && scale > 0; scale *= 10) {
    ++decimals;
  }
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value,
                                          std::chars_format::fixed, decimals);
  return error == std::errc() ? std::string(text.data(), end) : "?";
}

/// "median (least to most)".
std::string show(const Series& readings) {
  const auto [least, most] = std::minmax_element(readings.begin(), readings.end());
  return show(median(readings)) + " (" + show(*least) + " to " + show(*most) + ")";
}

std::string show_ratio(double ours, double peer) {
  return ours <= peer ? "1/" + show(peer / ours) : show(ours / peer);
}

/// A target of the form "ours is at most the peer's divided by `divisor`".
Line beside(const std::string& what, const std::string& ours_shown, double ours,
            const std::string& peer_shown, double peer, std::optional<double> divisor) {
  Line line{.what = what, .ours = ours_shown, .peer = peer_shown, .ratio = show_ratio(ours, peer)};
  if (divisor) {
    line.target = *divisor == 1 ? "<= peer's" : "<= 1/" + show(*divisor);
    line.met = ours * *divisor <= peer;
  }
  return line;
}

Line at_most(const std::string& what, const std::string& shown, double value, double limit,
             const std::string& unit) {
  return {.what = what, .ours = shown, .target = "<= " + show(limit) + unit, .met = value <= limit};
}

Line series_beside(const std::string& what, const Series& ours, const Series& peer,
                   std::optional<double> divisor) {
  return beside(what, show(ours), median(ours), show(peer), median(peer), divisor);
}

Line number_beside(const std::string& what, double ours, double peer,
                   std::optional<double> divisor) {
  return beside(what, show(ours), ours, show(peer), peer, divisor);
}

void compare_with(const Costs& ours, const Costs& peer, std::vector<Line>& lines) {
  const auto named = [&](const std::string& what) { return what + ", beside " + peer.name; };
  lines.push_back(series_beside(named("SQL statements per look, all"), ours.statements_per_look,
                                peer.statements_per_look, std::nullopt));
  lines.push_back(series_beside(named("database time per look, all, ms"), ours.database_ms_per_look,
                                peer.database_ms_per_look, std::nullopt));
  lines.push_back(series_beside(named("CPU of the backend per look, ms"),
                                ours.backend_cpu_ms_per_look, peer.backend_cpu_ms_per_look,
                                std::nullopt));
  lines.push_back(
      series_beside(named("own CPU per look, ms"), ours.cpu_ms_per_look, peer.cpu_ms_per_look, 20));
  const auto nodes = static_cast<double>(kNodes);
  lines.push_back(number_beside(named("own CPU for 3 looks and the pages, ms"),
                                nodes * median(ours.cpu_ms_per_look) + ours.page_cpu_ms,
                                nodes * median(peer.cpu_ms_per_look), std::nullopt));
  lines.push_back(number_beside(named("RSS of one process, MiB"), ours.memory.resident_mib,
                                peer.memory.resident_mib, 1));
  lines.push_back(number_beside(named("peak RSS of one process, MiB"), ours.memory.peak_mib,
                                peer.memory.peak_mib, 1));
  lines.push_back(number_beside(named("scrape p50, ms"), quantile(ours.scrape_ms, 0.5),
                                quantile(peer.scrape_ms, 0.5), std::nullopt));
  lines.push_back(number_beside(named("scrape p99, ms"), quantile(ours.scrape_ms, 0.99),
                                quantile(peer.scrape_ms, 0.99), 10));
  lines.push_back(number_beside(named("page, bytes"), static_cast<double>(ours.page_bytes),
                                static_cast<double>(peer.page_bytes), std::nullopt));
}

/// One statement per tick and node: a window may catch one tick more or less at its edges.
Line one_per_tick(const Series& per_tick) {
  const double edge = 1.5 / static_cast<double>(kWindow.count());
  const bool exact = std::all_of(per_tick.begin(), per_tick.end(),
                                 [&](double n) { return std::abs(n - 1) <= edge; });
  return {.what = "light statements per tick and node",
          .ours = show(per_tick),
          .target = "1 in every window",
          .met = exact};
}

}  // namespace

std::vector<Line> compare(const OneShard& one, const ManyShards& many, std::size_t shards) {
  std::vector<Line> lines;
  lines.push_back(one_per_tick(one.light_per_tick));
  lines.push_back(at_most("light statement on the writer, database ms", show(one.light_ms_writer),
                          median(one.light_ms_writer), 0.5, ""));
  lines.push_back(at_most("light statement on a standby, database ms", show(one.light_ms_standby),
                          median(one.light_ms_standby), 0.5, ""));
  lines.push_back({.what = "own CPU per page, ms", .ours = show(one.ours.page_cpu_ms)});
  for (const Costs& peer : one.peers) compare_with(one.ours, peer, lines);

  const std::string prefix = std::to_string(shards) + " shards x 3 nodes: ";
  lines.push_back(at_most(prefix + "cores", show(many.cores), median(many.cores), 0.15, ""));
  lines.push_back(at_most(prefix + "RSS, MiB", show(many.memory.resident_mib),
                          many.memory.resident_mib, 60, ""));
  lines.push_back(
      at_most(prefix + "peak RSS, MiB", show(many.memory.peak_mib), many.memory.peak_mib, 60, ""));
  lines.push_back(
      {.what = prefix + "light statements per second", .ours = show(many.probes_per_second)});
  lines.push_back({.what = prefix + "light statement, database ms", .ours = show(many.light_ms)});
  std::string connections;
  for (const std::size_t count : many.connections) {
    connections += (connections.empty() ? "" : " / ") + std::to_string(count);
  }
  lines.push_back({.what = prefix + "connections per server", .ours = connections});
  lines.push_back({.what = prefix + "scrape p50, ms", .ours = show(quantile(many.scrape_ms, 0.5))});
  lines.push_back(
      {.what = prefix + "scrape p99, ms", .ours = show(quantile(many.scrape_ms, 0.99))});
  lines.push_back({.what = prefix + "own CPU per page, ms", .ours = show(many.page_cpu_ms)});
  lines.push_back({.what = prefix + "page, bytes", .ours = std::to_string(many.page_bytes)});
  return lines;
}

std::string render_table(const std::vector<Line>& lines) {
  std::string text =
      "| what | rpoguard | peer | ratio | target | met |\n|---|---|---|---|---|---|\n";
  for (const Line& line : lines) {
    const std::string met = !line.met ? "" : *line.met ? "yes" : "**no**";
    text += "| " + line.what + " | " + line.ours + " | " + line.peer + " | " + line.ratio + " | " +
            line.target + " | " + met + " |\n";
  }
  return text;
}

}  // namespace rpoguard::bench
