// What a statement answered, free of libpq: decoders and their tests need no server.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace rpoguard::observe {

/// One column of one row as text; absent is NULL, which is not the empty string.
using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;

/// A value. Every row has as many cells as there are columns.
struct RowSet {
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

}  // namespace rpoguard::observe
