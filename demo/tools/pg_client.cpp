#include "demo/tools/pg_client.hpp"

#include <algorithm>
#include <array>

#include <libpq-fe.h>
#include <poll.h>

namespace rpoguard::demo {
namespace {

bool wait_for(PGconn* connection, short events, core::Instant deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - boot_now()).count();
  if (left <= 0) return false;
  pollfd entry{PQsocket(connection), events, 0};
  return ::poll(&entry, 1, static_cast<int>(std::min<long>(left, 60'000))) > 0;
}

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

}  // namespace

void PgClient::Finish::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

PgClient::PgClient() = default;
PgClient::~PgClient() = default;

void PgClient::close() {
  connection_.reset();
}

void PgClient::remember_error() {
  error_ = connection_ ? PQerrorMessage(connection_.get()) : "not connected";
  error_ = error_.substr(0, error_.find('\n'));
}

PgOutcome PgClient::lost() {
  remember_error();
  if (error_.empty()) error_ = "no answer in time";
  close();
  return PgOutcome::unknown;
}

bool PgClient::connect(const PgLogin& login, core::Instant deadline) {
  const std::string port = std::to_string(login.server.port);
  // Every parameter explicit, so that neither the environment nor service files interfere.
  const std::array<const char*, 11> keys{"hostaddr",
                                         "port",
                                         "dbname",
                                         "user",
                                         "password",
                                         "sslmode",
                                         "application_name",
                                         "passfile",
                                         "gssencmode",
                                         "client_encoding",
                                         nullptr};
  const std::array<const char*, 11> values{login.server.host.c_str(),
                                           port.c_str(),
                                           login.dbname.c_str(),
                                           login.user.c_str(),
                                           login.password.c_str(),
                                           "disable",
                                           "rpoguard-demo-gateway",
                                           "/nonexistent",
                                           "disable",
                                           "UTF8",
                                           nullptr};
  connection_.reset(PQconnectStartParams(keys.data(), values.data(), 0));
  PostgresPollingStatusType step = PGRES_POLLING_WRITING;
  while (connection_ && PQstatus(connection_.get()) != CONNECTION_BAD) {
    if (step == PGRES_POLLING_OK) {
      PQsetnonblocking(connection_.get(), 1);  // a flush may wait otherwise
      PQsetNoticeReceiver(
          connection_.get(), [](void*, const PGresult*) {}, nullptr);
      return true;
    }
    const short events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (step == PGRES_POLLING_FAILED) break;
    if (!wait_for(connection_.get(), events, deadline)) {
      // libpq has begun a sentence that it ends only when it knows more.
      error_ = "no answer in time";
      close();
      return false;
    }
    step = PQconnectPoll(connection_.get());
  }
  lost();
  return false;
}

bool PgClient::send(const char* sql, const std::vector<std::string>& parameters,
                    core::Instant deadline) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  if (PQsendQueryParams(connection_.get(), sql, static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0) == 0) {
    return false;
  }
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left <= 0) return left == 0;
    if (!wait_for(connection_.get(), POLLOUT, deadline)) return false;
  }
}

PgOutcome PgClient::execute(const char* sql, const std::vector<std::string>& parameters,
                            core::Instant deadline) {
  if (!connection_ || !send(sql, parameters, deadline)) return lost();
  bool ok = false;
  for (;;) {
    while (PQisBusy(connection_.get()) != 0) {
      if (!wait_for(connection_.get(), POLLIN, deadline) ||
          PQconsumeInput(connection_.get()) == 0) {
        return lost();
      }
    }
    // Read up to the NULL, or the next statement is refused.
    const Result result(PQgetResult(connection_.get()));
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!ok) remember_error();
  }
  if (ok) return PgOutcome::ok;
  // An error that ends the session (shutdown, termination) may have met a commit half way.
  return PQstatus(connection_.get()) == CONNECTION_OK ? PgOutcome::refused : lost();
}

}  // namespace rpoguard::demo
