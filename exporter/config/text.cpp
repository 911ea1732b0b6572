#include "exporter/config/text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "exporter/base/text.hpp"
#include "exporter/base/utf8.hpp"

namespace rpoguard::config {
namespace {

constexpr std::size_t kExcerptBytesMax = 64;
constexpr std::size_t kWordBytesMax = 24;
constexpr std::size_t kGuessBytesMax = 40;

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<Blemish> find_blemish(std::string_view text) {
  bool indenting = true;
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t start = position;
    const auto code = base::next_code_point(text, position);
    if (!code) return Blemish{start, "not UTF-8 text"};
    if (*code == '\t' && indenting) return Blemish{start, "a tab in the indentation"};
    const bool line_end = *code == '\n' || (*code == '\r' && text.substr(position, 1) == "\n");
    // C0 and C1 controls; U+0004 is yaml-cpp's own end-of-file mark, a lone CR is a line break that
    // it does not count.
    const bool control = *code < 0x20 || (*code >= 0x7F && *code < 0xA0);
    if (control && !line_end && *code != '\t') return Blemish{start, "a control character"};
    indenting = line_end || (indenting && *code == ' ');
  }
  return std::nullopt;
}

bool is_printable(std::string_view text) {
  for (std::size_t position = 0; position < text.size();) {
    const auto code = base::next_code_point(text, position);
    if (!code || base::is_invisible(*code)) return false;
  }
  return true;
}

bool is_plain_word(std::string_view text) {
  const auto plain = [](char c) {
    return base::is_digit(c) || base::is_letter(c) ||
           std::string_view(" ._:+-[]").find(c) != std::string_view::npos;
  };
  return text.size() <= kWordBytesMax && std::ranges::all_of(text, plain);
}

std::string replace_shard(std::string_view text, std::string_view id) {
  return base::replace_all(text, "{shard}", id);
}

std::string render_excerpt(std::string_view text) {
  const base::Shown shown = base::show(text, kExcerptBytesMax, base::is_invisible);
  return shown.cut ? shown.text + "..." : shown.text;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > kGuessBytesMax) return {};
  std::string_view best;
  std::size_t best_distance = 0;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    const std::size_t tolerated = std::max<std::size_t>(1, candidate.size() / 3);
    const bool shares_something = distance < candidate.size() && distance < word.size();
    if (distance > tolerated || !shares_something) continue;
    if (best.empty() || distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace rpoguard::config
