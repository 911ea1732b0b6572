#include "exporter/observe/postgres/pg_connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <asio/post.hpp>
#include <libpq-fe.h>
#include <sys/socket.h>

#include "exporter/base/check.hpp"
#include "exporter/core/model/limits.hpp"
#include "exporter/observe/system/one_line.hpp"

namespace rpoguard::observe {

namespace {

using WaitType = asio::posix::stream_descriptor::wait_type;

constexpr int kRowsMax = 1024;  // our statements are bounded in SQL; this bounds the others
constexpr int kLastResultsMax = 8;

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, FreeResult>;

// The default prints to stderr.
void ignore_notice(void*, const PGresult*) {}

ConnectPhase phase_of(ConnStatusType status) {
  switch (status) {
    case CONNECTION_NEEDED:
    case CONNECTION_STARTED:
      return ConnectPhase::tcp;
    case CONNECTION_SSL_STARTUP:
      return ConnectPhase::tls;
    default:
      return ConnectPhase::login;
  }
}

// Only for an established socket: while it connects, recv() would eat the errno libpq asks for.
bool peer_has_closed(int socket) {
  char byte = 0;
  const auto got = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

RowSet to_row_set(const PGresult* result) {
  RowSet set;
  const int columns = PQnfields(result);
  const int rows = PQntuples(result);
  set.columns.reserve(static_cast<std::size_t>(columns));
  for (int c = 0; c < columns; ++c) set.columns.emplace_back(PQfname(result, c));
  set.rows.reserve(static_cast<std::size_t>(rows));
  for (int r = 0; r < rows; ++r) {
    Row& row = set.rows.emplace_back(static_cast<std::size_t>(columns));
    for (int c = 0; c < columns; ++c) {
      if (PQgetisnull(result, r, c) != 0) continue;  // its value would be ""
      row[static_cast<std::size_t>(c)] = std::string(
          PQgetvalue(result, r, c), static_cast<std::size_t>(PQgetlength(result, r, c)));
    }
  }
  return set;
}

Failure failure_of(const PGresult* result) {
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (sqlstate != nullptr) return classify_server_error(sqlstate, text == nullptr ? "" : text);
  return bad_answer(PQresultErrorMessage(result));
}

// libpq reads a long message until nothing more is there: the less the kernel takes in meanwhile,
// the sooner that is.
void keep_little_unread(int socket) {
  const int bytes = core::limits::kPgUnreadBytesMax;
  ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

// Nobody listens to any; libpq would keep them.
void drop_notifications(PGconn* conn) {
  while (PGnotify* const notification = PQnotifies(conn)) PQfreemem(notification);
}

PostgresPollingStatusType poll_connect(PGconn* conn, TlsVerdict& verdict) {
  const TlsVerdict::Watch watch(verdict);
  return PQconnectPoll(conn);
}

}  // namespace

std::shared_ptr<PgConnection> PgConnection::create(asio::io_context& loop) {
  return std::shared_ptr<PgConnection>(new PgConnection(loop));
}

PgConnection::PgConnection(asio::io_context& loop) : loop_(loop), descriptor_(loop) {}

PgConnection::~PgConnection() {
  close();
}

// The handler owns the connection, so that it outlives its waits.
template <typename Next>
void PgConnection::watch(WaitType direction, Next next) {
  descriptor_.async_wait(
      direction, [self = shared_from_this(), generation = generation_, next](asio::error_code) {
        if (generation == self->generation_) (self.get()->*next)();
      });
}

void PgConnection::attach_socket() {
  asio::error_code error;
  descriptor_.assign(PQsocket(conn_), error);
  RPOGUARD_CHECK(!error);
}

void PgConnection::detach_socket() {
  ++generation_;
  if (descriptor_.is_open()) descriptor_.release();  // libpq owns the file descriptor
}

void PgConnection::connect(const ConnectParams& params, OnAnswer done) {
  RPOGUARD_CHECK(conn_ == nullptr && !done_);
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : params) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  done_ = std::move(done);
  waiting_ = true;
  conn_ = PQconnectStartParams(keywords.data(), values.data(), 0);  // no conninfo in dbname
  RPOGUARD_CHECK(conn_ != nullptr);                                 // out of memory
  PQsetErrorVerbosity(conn_, PQERRORS_VERBOSE);                     // the only way to a SQLSTATE
  PQsetErrorContextVisibility(conn_, PQSHOW_CONTEXT_NEVER);
  PQsetNoticeReceiver(conn_, ignore_notice, nullptr);
  if (PQstatus(conn_) == CONNECTION_BAD) {
    fail_connect(false);
  } else {
    wait_to_connect(false);
  }
}

// libpq may have replaced the socket, under the same number or another: whatever was registered
// before PQconnectPoll is void, and waiting on it would last for ever.
void PgConnection::wait_to_connect(bool to_read) {
  attach_socket();
  watch(to_read ? WaitType::wait_read : WaitType::wait_write, &PgConnection::connect_step);
}

void PgConnection::connect_step() {
  phase_ = phase_of(PQstatus(conn_));
  const bool peer_closed = phase_ != ConnectPhase::tcp && peer_has_closed(PQsocket(conn_));
  tls_in_use_ = PQsslInUse(conn_) != 0;
  detach_socket();
  intake_.before_reading(PQsocket(conn_));
  const PostgresPollingStatusType polled = poll_connect(conn_, tls_);
  if (intake_.after_reading(PQsocket(conn_))) return refuse_more();
  switch (polled) {
    case PGRES_POLLING_OK:
      return connected();
    case PGRES_POLLING_READING:
      phase_ = phase_of(PQstatus(conn_));
      return wait_to_connect(true);
    case PGRES_POLLING_WRITING:
      phase_ = phase_of(PQstatus(conn_));
      return wait_to_connect(false);
    default:
      return fail_connect(peer_closed);
  }
}

void PgConnection::connected() {
  ready_ = true;
  tls_.forget();
  keep_little_unread(PQsocket(conn_));
  PQsetnonblocking(conn_, 1);  // else PQsendQuery and PQfinish may wait
  attach_socket();
  watch(WaitType::wait_read, &PgConnection::on_readable);
  complete(RowSet{});
}

void PgConnection::fail_connect(bool peer_closed) {
  std::string message = PQerrorMessage(conn_);
  if (const std::string problem = tls_.problem(); !problem.empty())
    message = one_line(message) + ": " + problem;
  complete(classify_connect_failure({.phase = phase_,
                                     .message = message,
                                     .peer_closed = peer_closed,
                                     .password_requested = PQconnectionUsedPassword(conn_) != 0 ||
                                                           PQconnectionNeedsPassword(conn_) != 0,
                                     .tls_in_use = tls_in_use_}));
}

void PgConnection::query(const std::string& sql, OnAnswer done) {
  if (start(usable() ? PQsendQuery(conn_, sql.c_str()) : 0, std::move(done))) flush();
}

void PgConnection::ask(const std::string& sql, OnAnswer done) {
  const int sent = usable() ? PQsendQueryParams(conn_, sql.c_str(), 0, nullptr, nullptr, nullptr,
                                                nullptr, /*resultFormat=*/0)
                            : 0;
  if (start(sent, std::move(done))) flush();
}

void PgConnection::prepare(const std::string& name, const std::string& sql, OnAnswer done) {
  const int sent = usable() ? PQsendPrepare(conn_, name.c_str(), sql.c_str(), 0, nullptr) : 0;
  if (start(sent, std::move(done))) flush();
}

void PgConnection::execute(const std::string& name, OnAnswer done) {
  const int sent = usable() ? PQsendQueryPrepared(conn_, name.c_str(), 0, nullptr, nullptr, nullptr,
                                                  /*resultFormat=*/0)
                            : 0;
  if (start(sent, std::move(done))) flush();
}

bool PgConnection::start(int sent, OnAnswer done) {
  RPOGUARD_CHECK(!done_);
  done_ = std::move(done);
  waiting_ = true;
  rows_.reset();
  failure_.reset();
  intake_.begin(PgIntake::Phase::answer, PQsocket(conn_));
  if (sent == 0) lost();
  return sent != 0;
}

void PgConnection::on_readable() {
  intake_.before_reading(PQsocket(conn_));
  const bool alive = PQconsumeInput(conn_) != 0;
  // While idle only notices may come; parsing them keeps the buffer small. A close is noticed here,
  // so that no look is wasted on a dead session.
  PQisBusy(conn_);
  drop_notifications(conn_);
  const bool too_much = intake_.after_reading(PQsocket(conn_));
  if (!alive) return lost();
  if (too_much) return refuse_more();
  watch(WaitType::wait_read, &PgConnection::on_readable);  // one wait tells of one arrival
  if (waiting_) collect();
}

// In the middle of it: what it would still send is not read, and what has come is freed with the
// session.
void PgConnection::refuse_more() {
  detach_socket();
  ready_ = false;
  if (waiting_) complete(bad_answer("the server sent more than was asked for"));
}

void PgConnection::flush() {
  const int left = PQflush(conn_);
  if (left < 0) return lost();
  if (left > 0) watch(WaitType::wait_write, &PgConnection::flush);
}

// To the final null, or the next statement would be refused.
void PgConnection::collect() {
  while (PQisBusy(conn_) == 0) {
    const ResultHandle result(PQgetResult(conn_));
    if (result == nullptr) {
      if (PQtransactionStatus(conn_) != PQTRANS_IDLE) {
        if (!failure_) failure_ = bad_answer("the statement left a transaction open");
        ready_ = false;
      }
      if (failure_) return complete(std::move(*failure_));
      return complete(rows_ ? std::move(*rows_) : RowSet{});
    }
    absorb(result.get());
    if (!ready_) return complete(std::move(*failure_));
  }
}

void PgConnection::absorb(const pg_result* result) {
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
      return;
    case PGRES_TUPLES_OK:
      if (rows_ || PQntuples(result) > kRowsMax) {
        failure_ = bad_answer("the server sent more than was asked for");
        ready_ = false;
        return;
      }
      rows_ = to_row_set(result);
      return;
    case PGRES_FATAL_ERROR:
      if (!failure_) failure_ = failure_of(result);
      if (failure_->sqlstate.empty()) ready_ = false;  // libpq gave up on what it read
      return;
    default:  // COPY and the like would repeat for ever
      failure_ = bad_answer("the server sent an answer of another kind");
      ready_ = false;
  }
}

// The server may have said why before it closed; libpq still holds that message.
void PgConnection::lost() {
  detach_socket();
  ready_ = false;
  if (!waiting_) return;
  if (failure_) return complete(std::move(*failure_));
  for (int i = 0; i < kLastResultsMax && PQisBusy(conn_) == 0; ++i) {
    const ResultHandle result(PQgetResult(conn_));
    if (result == nullptr) break;
    if (PQresultErrorField(result.get(), PG_DIAG_SQLSTATE) == nullptr) continue;
    return complete(failure_of(result.get()));
  }
  complete(connection_lost(PQerrorMessage(conn_)));
}

// Posted, never called from within: the owner may close or start the next statement in it.
void PgConnection::complete(Answer answer) {
  if (ready_) intake_.begin(PgIntake::Phase::idle, PQsocket(conn_));
  waiting_ = false;
  if (conn_ != nullptr && PQstatus(conn_) != CONNECTION_OK) ready_ = false;
  if (!ready_) detach_socket();
  asio::post(loop_, [self = shared_from_this(), answer = std::move(answer)]() mutable {
    if (!self->done_) return;  // closed in the meantime
    const OnAnswer done = std::exchange(self->done_, nullptr);
    done(std::move(answer));
  });
}

void PgConnection::close() {
  detach_socket();
  ready_ = false;
  done_ = nullptr;
  if (conn_ != nullptr) PQfinish(std::exchange(conn_, nullptr));
}

bool PgConnection::usable() const {
  return ready_ && PQstatus(conn_) == CONNECTION_OK;
}

int PgConnection::server_version() const {
  return ready_ ? PQserverVersion(conn_) : 0;
}

int PgConnection::backend_pid() const {
  return ready_ ? PQbackendPID(conn_) : 0;
}

core::ProbeError PgConnection::deadline_error() const {
  if (!ready_ && phase_ == ConnectPhase::tcp)
    return {core::ProbeFailure::unreachable, "the connection did not come up in time"};
  return {core::ProbeFailure::timeout, ready_ ? "connected, but no answer in time"
                                              : "the server did not complete the login in time"};
}

void clear_libpq_environment() {
  std::vector<std::string> names{"PGSERVICE",   "PGSERVICEFILE", "PGSYSCONFDIR", "PGLOCALEDIR",
                                 "PGDATESTYLE", "PGTZ",          "PGGEQO"};
  PQconninfoOption* options = PQconninfoParse("", nullptr);
  RPOGUARD_CHECK(options != nullptr);  // out of memory
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option)
    if (option->envvar != nullptr) names.emplace_back(option->envvar);
  PQconninfoFree(options);
  for (const std::string& name : names) ::unsetenv(name.c_str());
}

}  // namespace rpoguard::observe
