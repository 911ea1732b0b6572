#include "tests/support/sql.hpp"

#include <algorithm>
#include <utility>

#include <libpq-fe.h>
#include <poll.h>

namespace rpoguard::test {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

void discard_notice(void*, const PGresult*) {}

std::string first_line(const char* text) {
  const std::string all = text == nullptr ? "" : text;
  return all.substr(0, all.find('\n'));
}

/// False when the deadline has passed.
bool wait_for(PGconn* connection, short events, TimePoint deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  pollfd descriptor{PQsocket(connection), events, 0};
  return poll(&descriptor, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) > 0;
}

}  // namespace

class Session::Impl {
 public:
  explicit Impl(const std::string& conninfo) : connection_(PQconnectStart(conninfo.c_str())) {
    if (connection_ == nullptr) throw SqlError("out of memory", "");
    PQsetNoticeReceiver(connection_, discard_notice, nullptr);
    const TimePoint deadline = std::chrono::steady_clock::now() + kDeadline;
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (wanted != PGRES_POLLING_OK) {
      const short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
      const bool bad = PQstatus(connection_) == CONNECTION_BAD;
      if (bad || !wait_for(connection_, events, deadline)) {
        const std::string why = bad ? first_line(PQerrorMessage(connection_)) : "no answer in time";
        PQfinish(connection_);
        throw SqlError("cannot connect: " + why, "");
      }
      wanted = PQconnectPoll(connection_);
    }
  }
  ~Impl() { PQfinish(connection_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::vector<SqlRow> rows(const std::string& sql, TimePoint deadline) {
    if (PQsendQuery(connection_, sql.c_str()) == 0) fail("cannot send", "");
    std::vector<SqlRow> last;
    std::string error;
    std::string state;
    while (PGresult* result = next_result(deadline)) {
      const ExecStatusType status = PQresultStatus(result);
      if (is_answer(status)) {
        last = decode(result);
      } else {
        error = first_line(PQresultErrorMessage(result));
        if (error.empty()) error = PQresStatus(status);
        const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        state = code == nullptr ? "" : code;
      }
      PQclear(result);
      // What COPY gives and takes nobody here reads or writes: the result would come for ever.
      if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) break;
    }
    if (!error.empty()) throw SqlError(error + " in: " + sql, state);
    return last;
  }

 private:
  static bool is_answer(ExecStatusType status) {
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
  }

  [[noreturn]] void fail(const std::string& what, const std::string& state) {
    throw SqlError(what + ": " + first_line(PQerrorMessage(connection_)), state);
  }

  PGresult* next_result(TimePoint deadline) {
    while (PQisBusy(connection_) != 0) {
      if (!wait_for(connection_, POLLIN, deadline)) fail("no answer in time", "");
      if (PQconsumeInput(connection_) == 0) fail("connection lost", "");
    }
    return PQgetResult(connection_);
  }

  static std::vector<SqlRow> decode(const PGresult* result) {
    std::vector<SqlRow> rows(static_cast<std::size_t>(PQntuples(result)));
    for (int row = 0; row < PQntuples(result); ++row) {
      for (int column = 0; column < PQnfields(result); ++column) {
        SqlValue value;
        if (PQgetisnull(result, row, column) == 0) value = PQgetvalue(result, row, column);
        rows[static_cast<std::size_t>(row)].push_back(std::move(value));
      }
    }
    return rows;
  }

  PGconn* connection_;
};

Session::Session(const std::string& conninfo) : impl_(std::make_unique<Impl>(conninfo)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

std::vector<SqlRow> Session::rows(const std::string& sql, std::chrono::nanoseconds deadline) {
  return impl_->rows(sql, std::chrono::steady_clock::now() + deadline);
}

SqlValue Session::value(const std::string& sql, std::chrono::nanoseconds deadline) {
  const std::vector<SqlRow> all = rows(sql, deadline);
  if (all.empty() || all.front().empty()) return std::nullopt;
  return all.front().front();
}

}  // namespace rpoguard::test
