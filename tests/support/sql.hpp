// SQL from a test to a real server.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace rpoguard::test {

/// What the server (or the connection) answered instead of a result.
class SqlError : public std::runtime_error {
 public:
  SqlError(const std::string& message, std::string sqlstate)
      : std::runtime_error(message), sqlstate_(std::move(sqlstate)) {}
  /// Five characters; empty when no server answered (refused, lost, deadline passed).
  const std::string& sqlstate() const { return sqlstate_; }

 private:
  std::string sqlstate_;
};

/// One column of one row; absent is NULL.
using SqlValue = std::optional<std::string>;
using SqlRow = std::vector<SqlValue>;

/// One session. Not thread-safe. Every call ends within its deadline, also against a stopped
/// server.
class Session {
 public:
  static constexpr std::chrono::seconds kDeadline{30};

  /// `conninfo` as libpq takes it. Throws SqlError.
  explicit Session(const std::string& conninfo);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Runs the statements (several are one transaction). Rows of the last one. Throws SqlError.
  std::vector<SqlRow> rows(const std::string& sql, std::chrono::nanoseconds deadline = kDeadline);
  /// First column of the first row; absent for NULL and for no row.
  SqlValue value(const std::string& sql, std::chrono::nanoseconds deadline = kDeadline);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rpoguard::test
