// One PostgreSQL connection for short writes, every step with a deadline.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "demo/tools/net.hpp"

#include "exporter/core/model/units.hpp"

struct pg_conn;

namespace rpoguard::demo {

struct PgLogin {
  Address server;
  std::string dbname = "postgres";
  std::string user = "postgres";
  std::string password;
};

enum class PgOutcome {
  ok,
  refused,  ///< the server said no: nothing was committed
  unknown,  ///< no answer: it may have been committed
};

/// Not thread-safe.
class PgClient {
 public:
  PgClient();
  ~PgClient();
  PgClient(const PgClient&) = delete;
  PgClient& operator=(const PgClient&) = delete;

  bool connected() const { return connection_ != nullptr; }
  /// Replaces any earlier connection. False, with error(), at the deadline or on refusal.
  bool connect(const PgLogin& login, core::Instant deadline);
  /// One statement with text parameters, one result, committed by itself. Closes the connection
  /// unless the outcome is ok or refused.
  PgOutcome execute(const char* sql, const std::vector<std::string>& parameters,
                    core::Instant deadline);
  void close();
  /// One line about the last failure; no secrets.
  const std::string& error() const { return error_; }

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  PgOutcome lost();
  bool send(const char* sql, const std::vector<std::string>& parameters, core::Instant deadline);
  void remember_error();

  std::unique_ptr<pg_conn, Finish> connection_;
  std::string error_;
};

}  // namespace rpoguard::demo
