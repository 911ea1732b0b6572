// Reading the cells of an answer strictly. Private to the decoders.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/number.hpp"
#include "exporter/base/utf8.hpp"
#include "exporter/core/model/units.hpp"
#include "exporter/observe/postgres/row_set.hpp"

namespace rpoguard::observe {

template <std::size_t N>
std::optional<std::array<std::size_t, N>> bind(const std::vector<std::string>& columns,
                                               const std::array<std::string_view, N>& names) {
  std::array<std::size_t, N> index{};
  for (std::size_t i = 0; i < N; ++i) {
    const auto found = std::find(columns.begin(), columns.end(), names[i]);
    if (found == columns.end()) return std::nullopt;
    index[i] = static_cast<std::size_t>(found - columns.begin());
  }
  return index;
}

/// Binds on the first answer; false if the answer cannot be this statement's.
template <std::size_t N>
bool fits(const RowSet& answer, const std::array<std::string_view, N>& names,
          std::optional<std::array<std::size_t, N>>& index) {
  if (!index) index = bind(answer.columns, names);
  if (!index || answer.rows.empty()) return false;
  const std::size_t needed = *std::max_element(index->begin(), index->end()) + 1;
  return std::all_of(answer.rows.begin(), answer.rows.end(),
                     [&](const Row& row) { return row.size() >= needed; });
}

using base::parse_number;

/// Of a text that is shown.
inline constexpr std::size_t kTextBytesMax = 1000;

/// PostgreSQL sends t and f.
inline std::optional<bool> parse_bool(std::string_view text) {
  if (text == "t") return true;
  if (text == "f") return false;
  return std::nullopt;
}

/// Reads cells of one row and remembers the first that cannot be read. After a problem the values
/// it gives mean nothing: ask problem() before using them.
template <std::size_t N>
class CellReader {
 public:
  CellReader(const Row& row, const std::array<std::size_t, N>& index,
             const std::array<std::string_view, N>& names)
      : row_(row), index_(index), names_(names) {}

  bool is_null(std::size_t column) const { return !row_[index_[column]].has_value(); }

  template <typename Parse>
  auto optional(std::size_t column, Parse parse) -> decltype(parse(std::string_view())) {
    const Cell& cell = row_[index_[column]];
    if (!cell) return std::nullopt;
    auto parsed = parse(std::string_view(*cell));
    if (!parsed) complain(column, "does not parse");
    return parsed;
  }

  template <typename Parse>
  auto required(std::size_t column, Parse parse) {
    auto parsed = optional(column, parse);
    if (!parsed) complain(column, "is null");
    return parsed.value_or(typename decltype(parsed)::value_type{});
  }

  std::optional<std::int64_t> optional_number(std::size_t column) {
    return optional(column, [](std::string_view t) { return parse_number<std::int64_t>(t); });
  }
  std::int64_t number(std::size_t column, std::int64_t min, std::int64_t max) {
    return required(column, [&](std::string_view t) {
      const auto parsed = parse_number<std::int64_t>(t);
      return parsed && *parsed >= min && *parsed <= max ? parsed : std::nullopt;
    });
  }
  std::int64_t count(std::size_t column) {
    return number(column, 0, std::numeric_limits<std::int64_t>::max());
  }
  bool boolean(std::size_t column) { return required(column, parse_bool); }
  std::optional<core::Lsn> optional_lsn(std::size_t column) {
    return optional(column, core::parse_lsn);
  }
  core::Lsn lsn(std::size_t column) { return required(column, core::parse_lsn); }
  /// Fit to be shown, whatever somebody has put into the database.
  std::string text(std::size_t column, std::size_t bytes_max = kTextBytesMax) {
    return base::foreign_text(exact(column), bytes_max);
  }
  std::string text_or_empty(std::size_t column) {
    return base::foreign_text(row_[index_[column]].value_or(""), kTextBytesMax);
  }
  /// As the server sent it: to be compared or taken apart, and not to be shown.
  std::string exact(std::size_t column) {
    return required(column, [](std::string_view t) { return std::optional(std::string(t)); });
  }
  core::WallTime time(std::size_t column) {
    return core::WallTime(std::chrono::microseconds(number(column, 0, 1LL << 53)));
  }
  std::optional<core::WallTime> optional_time(std::size_t column) {
    const auto us = optional_number(column);
    if (!us) return std::nullopt;
    return core::WallTime(std::chrono::microseconds(*us));
  }

  const std::optional<std::string>& problem() const { return problem_; }

 private:
  void complain(std::size_t column, const char* what) {
    if (!problem_) problem_ = "column " + std::string(names_[column]) + " " + what;
  }

  const Row& row_;
  const std::array<std::size_t, N>& index_;
  const std::array<std::string_view, N>& names_;
  std::optional<std::string> problem_;
};

}  // namespace rpoguard::observe
