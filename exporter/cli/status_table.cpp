#include "exporter/cli/status_table.hpp"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "exporter/base/human.hpp"
#include "exporter/base/utf8.hpp"
#include "exporter/cli/view_reader.hpp"
#include "exporter/core/tell/remark.hpp"
#include "exporter/core/tell/summary.hpp"

namespace rpoguard::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kDetailsUpTo =
    8;  // with more shards only those in trouble are shown node by node

enum class Mood { plain, good, warn, bad, dim };

Mood mood_of(core::Tone tone) {
  switch (tone) {
    case core::Tone::good:
      return Mood::good;
    case core::Tone::unsure:
      return Mood::warn;
    case core::Tone::bad:
      return Mood::bad;
    case core::Tone::plain:
      break;
  }
  return Mood::plain;
}

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

Cell cell_of(const core::Remark& remark) {
  return {core::render_remark(remark), mood_of(remark.tone)};
}

// The worst of them gives the colour.
Cell cell_of(const std::vector<core::Remark>& remarks) {
  Cell cell;
  core::Tone worst = core::Tone::plain;
  for (const core::Remark& remark : remarks) {
    cell.text += (cell.text.empty() ? "" : "; ") + core::render_remark(remark);
    worst = std::max(worst, remark.tone);
  }
  cell.mood = mood_of(worst);
  return cell;
}

Row shard_row(const json& shard, const core::ShardView& view, const AnswerTime& at) {
  Cell exposure =
      cell_of(core::remark_on_exposure(view.spec->rpo, core::exposure_at(view, at.now)));
  exposure.text += " of " + base::render_short(view.spec->rpo);
  return {{shard.at("shard").get<std::string>()},
          cell_of(core::remark_on_writes(usable(shard))),
          cell_of(core::remarks_on(read_gate(shard.at("gate")))),
          std::move(exposure),
          cell_of(core::remark_on_writer(view.writer)),
          {whole(shard.at("highest_epoch"))},
          {shard.at("archive").at("enabled").get<bool>()
               ? seconds(shard.at("archive").at("age_seconds"))
               : "-"}};
}

Row node_row(const json& node) {
  const core::NodeView view = read_node(node);
  const bool writer = view.state == core::NodeState::writer;
  const auto copy_only = [&](std::string text) { return Cell{writer ? "-" : std::move(text)}; };
  const std::string link = core::render_link(view);
  Cell note = cell_of(core::remarks_of(view));
  if (note.mood == Mood::plain) note.mood = Mood::warn;
  return {{node.at("name").get<std::string>()},
          {node.at("region").get<std::string>()},
          {node.at("state").get<std::string>(), mood_of(core::tone_of(view.state, view.up))},
          {whole(node.at("epoch"))},
          {whole(node.at("timeline"))},
          copy_only(seconds(node.at("lag_seconds").at("flush"))),
          copy_only(seconds(node.at("lag_seconds").at("replay"))),
          copy_only(bytes(node.at("lag_bytes").at("flush"))),
          {link.empty() ? "-" : link},
          {view.counted ? "yes" : "-"},
          std::move(note)};
}

Row heading(std::initializer_list<const char*> names) {
  Row row;
  for (const char* name : names) row.push_back({name, Mood::dim});
  return row;
}

std::string render_nodes(const json& shard, const core::ShardView& view, const AnswerTime& at,
                         bool color) {
  std::string out = "\nshard " + shard.at("shard").get<std::string>();
  if (!shard.at("gate").at("reason").is_null())
    out += ": " + shard.at("gate").at("detail").get<std::string>();
  out += "\n";
  for (const core::Remark& remark : core::remarks_of(view, at.now)) {
    if (core::is_trouble(remark))
      out += "  " + painted(core::render_remark(remark), mood_of(remark.tone), color) + "\n";
  }
  std::vector<Row> rows{heading({"NODE", "REGION", "STATE", "EPOCH", "TL", "LAG FLUSH",
                                 "LAG REPLAY", "BEHIND", "REPLICATION", "COUNTED", ""})};
  for (const json& node : shard.at("nodes")) rows.push_back(node_row(node));
  return out + render_table(rows, "  ", color);
}

// A view that does not say whether it is stale is not to be trusted either.
std::string stale_warning(const json& view, bool color) {
  if (!view.value("stale", true)) return "";
  const auto age = read_seconds(view.at("view_age_seconds")).value_or(core::Duration{});
  const core::Remark remark = core::remark_on_age(age, true);
  return painted(core::render_remark(remark) + "\n", mood_of(remark.tone), color);
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
  const AnswerTime at = read_answer_time(view);
  std::vector<core::ShardView> views;
  for (const json& shard : shards) {
    views.push_back(read_shard(shard, at));
    rows.push_back(shard_row(shard, views.back(), at));
  }
  std::string out = stale_warning(view, options.color) + render_table(rows, "", options.color);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (shards.size() <= kDetailsUpTo || !usable(shards[i]))
      out += render_nodes(shards[i], views[i], at, options.color);
  }
  return out;
}

}  // namespace rpoguard::cli
