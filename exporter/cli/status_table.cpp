#include "exporter/cli/status_table.hpp"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "exporter/base/human.hpp"
#include "exporter/base/utf8.hpp"
#include "exporter/cli/view_reader.hpp"
#include "exporter/core/tell/remark.hpp"

namespace rpoguard::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kDetailsUpTo =
    8;  // with more shards only those in trouble are shown node by node
constexpr double kStaleIntervals = 3;

enum class Mood { plain, good, warn, bad, dim };

struct Cell {
  std::string text;
  Mood mood = Mood::plain;
};
using Row = std::vector<Cell>;

const char* escape_of(Mood mood) {
  switch (mood) {
    case Mood::good:
      return "\x1b[32m";
    case Mood::warn:
      return "\x1b[33m";
    case Mood::bad:
      return "\x1b[1;31m";
    case Mood::dim:
      return "\x1b[2m";
    case Mood::plain:
      break;
  }
  return "";
}

std::string painted(const std::string& text, Mood mood, bool color) {
  if (!color || mood == Mood::plain) return text;
  return escape_of(mood) + text + "\x1b[0m";
}

// Columns on the screen.
std::size_t width_of(const std::string& text) {
  return base::count_characters(text);
}

std::string render_table(const std::vector<Row>& rows, const std::string& indent, bool color) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i].text));
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += painted(row[i].text, row[i].mood, color);
      const bool more = std::any_of(row.begin() + static_cast<std::ptrdiff_t>(i) + 1, row.end(),
                                    [](const Cell& cell) { return !cell.text.empty(); });
      if (!more) break;
      line.append(widths[i] - width_of(row[i].text) + 2, ' ');
    }
    out += indent + line + "\n";
  }
  return out;
}

std::string seconds(const json& value) {
  const auto duration = read_seconds(value);
  return duration ? base::render_short(*duration) : "unknown";
}

std::string bytes(const json& value) {
  return value.is_null() ? "unknown" : base::render_bytes(value.get<std::int64_t>());
}

std::string whole(const json& value) {
  return value.is_null() ? "unknown" : std::to_string(value.get<std::int64_t>());
}

bool usable(const json& shard) {
  return shard.at("writes_usable").get<bool>();
}

// How much of the RPO is used up; unknown is worse than any number.
double urgency(const json& shard) {
  if (shard.at("exposure_seconds").is_null()) return 1e12;
  return shard.at("exposure_seconds").get<double>() /
         std::max(shard.at("rpo_seconds").get<double>(), 1e-3);
}

Cell gate_cell(const json& gate) {
  const std::string mode = gate.at("mode");
  const std::string suffix = mode == "enforce" ? "" : " (" + mode + ")";
  if (!gate.at("reason").is_null()) {
    const std::string reason = gate.at("reason");
    return {gate.at("open").get<bool>() ? "would close: " + reason + suffix
                                        : "CLOSED: " + reason + suffix,
            Mood::bad};
  }
  if (gate.at("waived").get<bool>()) return {"open, waived" + suffix, Mood::warn};
  return {"open" + suffix, Mood::good};
}

Row shard_row(const json& shard) {
  const json& writer = shard.at("writer");
  const bool has_writer = !writer.is_null();
  const double used = urgency(shard);
  const Mood exposure = used >= 1 ? Mood::bad : used >= 0.5 ? Mood::warn : Mood::plain;
  return {
      {shard.at("shard").get<std::string>()},
      usable(shard) ? Cell{"usable", Mood::good} : Cell{"STOPPED", Mood::bad},
      gate_cell(shard.at("gate")),
      {seconds(shard.at("exposure_seconds")) + " of " + seconds(shard.at("rpo_seconds")), exposure},
      has_writer ? Cell{writer.at("node").get<std::string>() + " (" +
                        writer.at("writer_region").get<std::string>() + ")"}
                 : Cell{"none", Mood::bad},
      {whole(shard.at("highest_epoch"))},
      {shard.at("archive").at("enabled").get<bool>()
           ? seconds(shard.at("archive").at("age_seconds"))
           : "-"}};
}

Cell state_cell(const json& node) {
  const std::string state = node.at("state");
  if (state == "writer" || state == "standby")
    return {state, node.at("up").get<bool>() ? Mood::good : Mood::warn};
  return {state, Mood::bad};
}

std::string replication_of(const json& node) {
  if (node.at("streaming").is_null()) return "unknown";
  if (!node.at("streaming").get<bool>()) return "not streaming";
  return node.at("synchronous") == true ? "sync" : "async";
}

std::string node_note(const json& node) {
  std::string note;
  for (const core::Remark& remark : core::remarks_of(read_node(node)))
    note += (note.empty() ? "" : "; ") + core::render_remark(remark);
  return note;
}

Row node_row(const json& node) {
  const bool writer = node.at("state") == "writer";
  const auto copy_only = [&](std::string text) { return Cell{writer ? "-" : std::move(text)}; };
  return {{node.at("name").get<std::string>()},
          {node.at("region").get<std::string>()},
          state_cell(node),
          {whole(node.at("epoch"))},
          {whole(node.at("timeline"))},
          copy_only(seconds(node.at("lag_seconds").at("flush"))),
          copy_only(seconds(node.at("lag_seconds").at("replay"))),
          copy_only(bytes(node.at("lag_bytes").at("flush"))),
          copy_only(replication_of(node)),
          {node.at("counted").get<bool>() ? "yes" : "-"},
          {node_note(node), Mood::warn}};
}

Row heading(std::initializer_list<const char*> names) {
  Row row;
  for (const char* name : names) row.push_back({name, Mood::dim});
  return row;
}

std::string render_nodes(const json& shard, const Moment& at, bool color) {
  std::string out = "\nshard " + shard.at("shard").get<std::string>();
  if (!shard.at("gate").at("reason").is_null())
    out += ": " + shard.at("gate").at("detail").get<std::string>();
  out += "\n";
  for (const core::Remark& remark : core::remarks_of(read_shard(shard, at), at.now)) {
    const Mood mood = remark.tone == core::Tone::bad ? Mood::bad : Mood::warn;
    if (core::is_trouble(remark))
      out += "  " + painted(core::render_remark(remark), mood, color) + "\n";
  }
  std::vector<Row> rows{heading({"NODE", "REGION", "STATE", "EPOCH", "TL", "LAG FLUSH",
                                 "LAG REPLAY", "BEHIND", "REPLICATION", "COUNTED", ""})};
  for (const json& node : shard.at("nodes")) rows.push_back(node_row(node));
  return out + render_table(rows, "  ", color);
}

std::string stale_warning(const json& view, bool color) {
  const double age = view.at("view_age_seconds").get<double>();
  if (age <= kStaleIntervals * view.at("probe_interval_seconds").get<double>()) return "";
  return painted("rpoguard has not evaluated its shards for " +
                     seconds(view.at("view_age_seconds")) + ": do not trust this page\n",
                 Mood::bad, color);
}

}  // namespace

std::string render_status(const json& view, const TableOptions& options) {
  std::vector<json> shards;
  for (const json& shard : view.at("shards")) {
    if (options.shard.empty() || shard.at("shard") == options.shard) shards.push_back(shard);
  }
  std::ranges::stable_sort(shards, [](const json& a, const json& b) {
    return std::pair(usable(a), -urgency(a)) < std::pair(usable(b), -urgency(b));
  });
  std::vector<Row> rows{
      heading({"SHARD", "WRITES", "GATE", "EXPOSURE", "WRITER", "EPOCH", "ARCHIVE AGE"})};
  for (const json& shard : shards) rows.push_back(shard_row(shard));
  const Moment at = read_moment(view);
  std::string out = stale_warning(view, options.color) + render_table(rows, "", options.color);
  for (const json& shard : shards) {
    if (shards.size() <= kDetailsUpTo || !usable(shard))
      out += render_nodes(shard, at, options.color);
  }
  return out;
}

}  // namespace rpoguard::cli
