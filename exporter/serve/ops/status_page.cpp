#include "exporter/serve/ops/status_page.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/base/human.hpp"
#include "exporter/base/percent.hpp"
#include "exporter/core/judge/gate.hpp"
#include "exporter/core/tell/remark.hpp"
#include "exporter/core/tell/summary.hpp"
#include "exporter/serve/http/text.hpp"

namespace rpoguard::serve {
namespace {

using base::render_bytes;
using base::render_short;
using core::Instant;
using core::NodeView;
using core::Remark;
using core::ShardSpec;
using core::ShardView;
using core::Tone;

// Nothing but the page itself: no script, no image, no frame, no form.
constexpr const char* kContentPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

// Blue, orange and purple of Okabe and Ito, and always a sign and a word beside the colour.
constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>rpoguard: )";
constexpr std::string_view kStyle = R"(</title><style>
body{font:15px/1.45 system-ui,sans-serif;margin:1.5em;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;margin:.4em 0 1.6em;width:100%}
th,td{text-align:left;padding:.25em .9em .25em 0;border-bottom:1px solid #ddd;vertical-align:top}
th{font-weight:600;color:#555}td:first-child{white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
h2{margin:0 0 .1em}p{margin:.15em 0}.s{color:#555}
.good{color:#0072b2;font-weight:600}.bad{color:#b34700;font-weight:600}
.unsure{color:#8a3d6d;font-weight:600}
td span{white-space:nowrap}
</style></head><body>
)";

struct Mark {
  std::string_view css;
  std::string_view sign;
};
constexpr Mark kGood{"good", "\u2714"};
constexpr Mark kBad{"bad", "\u2716"};
constexpr Mark kUnsure{"unsure", "?"};

std::string marked(const Mark& mark, std::string_view text) {
  std::string out = "<span class=\"";
  out += mark.css;
  out += "\">";
  out += mark.sign;
  out += ' ';
  out += escape_html(text);
  return out + "</span>";
}

std::string toned(Tone tone, std::string_view text) {
  switch (tone) {
    case Tone::good:
      return marked(kGood, text);
    case Tone::unsure:
      return marked(kUnsure, text);
    case Tone::bad:
      return marked(kBad, text);
    case Tone::plain:
      break;
  }
  return escape_html(text);
}

std::string remark_html(const Remark& remark) {
  return toned(remark.tone, remark.text) + escape_html(remark.more);
}

std::string joined_html(const std::vector<Remark>& remarks) {
  std::string html;
  for (const Remark& remark : remarks) html += (html.empty() ? "" : "; ") + remark_html(remark);
  return html;
}

std::string paragraph(const std::string& html) {
  return "<p>" + html + "</p>\n";
}

std::string cell(const std::string& html) {
  return "<td>" + html + "</td>";
}
std::string number_cell(const std::string& html) {
  return "<td class=\"n\">" + html + "</td>";
}

std::string gate_line(const ShardSpec& spec, const ShardView* shard,
                      const core::GateDecision& decision) {
  std::vector<Remark> remarks = core::remarks_on(core::gate_words(spec, decision));
  if (decision.open)
    remarks.front().more.insert(0, " for another " + render_short(decision.stays_open_for));
  std::string line = "Gate " + joined_html(remarks);
  const std::string meaning = decision.reason ? meaning_of(*decision.reason) : "";
  const std::string detail = core::detail_of(shard, decision);
  if (!meaning.empty()) line += ", " + escape_html(meaning);
  if (!detail.empty() && detail != meaning) line += ". " + escape_html(detail);
  return paragraph(line);
}

std::string exposure_text(const ShardSpec& spec, const ShardView& shard, Instant now) {
  const auto exposure = core::exposure_at(shard, now);
  return "Exposure " + remark_html(core::remark_on_exposure(spec.rpo, exposure)) +
         (exposure ? ", budget left " + render_short(spec.rpo - *exposure)
                   : std::string(": nothing is proven durable elsewhere")) +
         " (RPO " + render_short(spec.rpo) + ")";
}

std::string epochs_text(const ShardView& shard) {
  if (shard.writer)
    return ", epoch " + std::to_string(shard.writer->epoch.value) + ", timeline " +
           std::to_string(shard.writer->timeline.value);
  if (!shard.highest_epoch) return "";
  return ", highest epoch " + std::to_string(shard.highest_epoch->value);
}

std::string writer_line(const ShardSpec& spec, const ShardView& shard, Instant now) {
  std::string line = "Writer " + remark_html(core::remark_on_writer(shard.writer)) +
                     epochs_text(shard) + "; writes " +
                     remark_html(core::remark_on_writes(core::usable_at(shard, now)));
  if (shard.write_outage_since) {
    line += " for " + render_short(now - *shard.write_outage_since) + " (RTO " +
            render_short(spec.rto) + ")";
  }
  return paragraph(line);
}

std::string lag_cells(const NodeView& node, Instant now) {
  std::string seconds;
  std::string bytes;
  if (node.recovery_point_flush) seconds = render_short(now - *node.recovery_point_flush);
  if (node.recovery_point_replay)
    seconds += " / " + render_short(now - *node.recovery_point_replay);
  if (node.lag_bytes_flush) bytes = render_bytes(*node.lag_bytes_flush);
  if (node.lag_bytes_replay) bytes += " / " + render_bytes(*node.lag_bytes_replay);
  return number_cell(seconds) + number_cell(bytes);
}

std::string link_words(const NodeView& node) {
  const std::string link = core::render_link(node);
  if (!node.counted) return link;
  return link.empty() ? "counted" : link + ", counted";
}

std::string node_row(const NodeView& node, Instant now) {
  return "<tr>" + cell(escape_html(node.name)) + cell(escape_html(node.region)) +
         cell(toned(core::tone_of(node.state, node.up), name_of(node.state))) +
         number_cell(node.epoch ? std::to_string(node.epoch->value) : "") +
         number_cell(node.timeline ? std::to_string(node.timeline->value) : "") +
         lag_cells(node, now) + cell(link_words(node)) + cell(joined_html(core::remarks_of(node))) +
         "</tr>\n";
}

std::string node_table(const ShardView& shard, Instant now) {
  std::string out =
      "<table><tr><th>node</th><th>region</th><th>state</th><th class=\"n\">epoch</th>"
      "<th class=\"n\">timeline</th><th class=\"n\">behind, flush / replay</th>"
      "<th class=\"n\">bytes, flush / replay</th><th>link</th><th>remark</th></tr>\n";
  for (const NodeView& node : shard.nodes) out += node_row(node, now);
  return out + "</table>\n";
}

// Of a shard's id: its anchor, and its place in a link.
std::string encoded(std::string_view id) {
  return base::percent_encode(id, {.lower_case = true});
}

// One line for each subject: the exposure first, then the writer.
std::string shard_lines(const ShardSpec& spec, const ShardView& shard, Instant now) {
  std::vector<std::pair<std::string, std::string>> lines{
      {core::kExposureSubject, exposure_text(spec, shard, now)}};
  for (const Remark& remark : core::remarks_of(shard, now)) {
    if (remark.subject == lines.back().first) {
      lines.back().second += "; " + remark_html(remark);
    } else {
      lines.emplace_back(remark.subject, remark.subject + " " + remark_html(remark));
    }
  }
  std::string out;
  for (const auto& [subject, line] : lines) {
    out += paragraph(line);
    if (subject == core::kExposureSubject) out += writer_line(spec, shard, now);
  }
  return out;
}

std::string shard_section(const ShardSpec& spec, const ShardView* shard, Instant now) {
  const core::GateDecision decision = core::check_gate(spec, shard, {}, now);
  const std::string id = encoded(spec.id);
  std::string out = "<h2 id=\"" + id + "\">Shard <a href=\"/readyz?shard=" + id + "\">" +
                    escape_html(spec.id) + "</a></h2>\n";
  out += gate_line(spec, shard, decision);
  if (shard == nullptr) return out + paragraph("Not evaluated yet");
  return out + shard_lines(spec, *shard, now) + node_table(*shard, now);
}

struct Summary {
  std::size_t closed = 0;
  std::string links;
};

// At most this many closed shards are named at the top.
constexpr std::size_t kNamedMax = 20;

Summary summarise(const core::View& view, Instant now) {
  Summary summary;
  for (std::size_t i = 0; i < view.shards.size(); ++i) {
    const ShardSpec& spec = view.spec->shards[i];
    if (core::check_gate(spec, view.shards[i].get(), {}, now).open) continue;
    if (++summary.closed > kNamedMax) continue;
    summary.links += (summary.links.empty() ? "" : ", ") + std::string("<a href=\"#") +
                     encoded(spec.id) + "\">" + escape_html(spec.id) + "</a>";
  }
  return summary;
}

std::string title_of(const core::View* view, const Summary& summary) {
  if (view == nullptr) return "starting";
  return std::to_string(summary.closed) + " of " + std::to_string(view->shards.size()) +
         " gates closed";
}

std::string overview(const core::View& view, const Summary& summary, Instant now) {
  std::string out = title_of(&view, summary);
  out = summary.closed == 0 ? marked(kGood, out) : marked(kBad, out) + ": " + summary.links;
  if (summary.closed > kNamedMax) out += ", ...";
  const Remark age = core::remark_on_age(now - view.published, is_stale(view, now));
  return paragraph(out + "; view " + remark_html(age));
}

}  // namespace

HttpResponse render_status_page(const core::View* view, Instant now, core::WallTime wall) {
  const Summary summary = view == nullptr ? Summary{} : summarise(*view, now);
  std::string body(kHead);
  body += title_of(view, summary);
  body += kStyle;
  body += "<h1>rpoguard</h1>\n";
  body += view == nullptr ? paragraph(marked(kUnsure, "starting: nothing has been published yet"))
                          : overview(*view, summary, now);
  body += paragraph("<span class=\"s\">" + core::render_time(wall) +
                    ", version " RPOGUARD_VERSION
                    "; <a href=\"/metrics\">metrics</a> <a href=\"/readyz\">readyz</a> "
                    "<a href=\"/readyz?verbose\">checks</a> <a href=\"/livez\">livez</a> "
                    "<a href=\"/api/v1/view\">view as JSON</a></span>");
  for (std::size_t i = 0; view != nullptr && i < view->shards.size(); ++i) {
    body += shard_section(view->spec->shards[i], view->shards[i].get(), now);
  }
  body += "</body></html>\n";
  HttpResponse response = text_response(200, std::move(body));
  response.content_type = "text/html; charset=utf-8";
  response.headers.emplace_back("Content-Security-Policy", kContentPolicy);
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  return response;
}

}  // namespace rpoguard::serve
