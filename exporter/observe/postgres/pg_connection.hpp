// One libpq connection on the loop: never blocks it, whatever the server does. The only file that
// knows libpq.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include "exporter/observe/postgres/pg_failure.hpp"
#include "exporter/observe/postgres/pg_intake.hpp"
#include "exporter/observe/postgres/pg_params.hpp"
#include "exporter/observe/postgres/pg_tls.hpp"
#include "exporter/observe/postgres/row_set.hpp"

struct pg_conn;    // libpq's PGconn
struct pg_result;  // libpq's PGresult

namespace rpoguard::observe {

/// Rows (none for a command), or why there are none.
using Answer = std::variant<RowSet, Failure>;
using OnAnswer = std::function<void(Answer)>;

/// One attempt, at most one session; make a new one after a failure. Has no deadlines: the owner
/// calls close() when it has waited long enough. Each call takes an OnAnswer that is called once,
/// from the loop and never from within the call, unless close() comes first. Not thread-safe: use
/// it on the thread that runs the loop. Order of calls: connect (query | ask | prepare | execute)*
/// close, each one after the answer to the one before; close() at any time. A statement that leaves
/// a transaction open ends the session: what is read in it stands still. So does a server that
/// sends more than limits::kPg… allow.
class PgConnection : public std::enable_shared_from_this<PgConnection> {
 public:
  static std::shared_ptr<PgConnection> create(asio::io_context& loop);
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  void connect(const ConnectParams& params, OnAnswer done);
  /// Any SQL without parameters that gives at most one row set. The only call that a pooler in
  /// transaction mode is sure to understand (simple protocol).
  void query(const std::string& sql, OnAnswer done);
  /// One statement without parameters: the server refuses more than one.
  void ask(const std::string& sql, OnAnswer done);
  /// Gives `sql` a name in this session.
  void prepare(const std::string& name, const std::string& sql, OnAnswer done);
  void execute(const std::string& name, OnAnswer done);

  /// Closes the socket at once, without waiting for anybody. Idempotent.
  void close();

  /// The session is up and, as far as the kernel has told, alive. An error of a statement leaves it
  /// usable; anything else does not.
  bool usable() const;
  /// server_version_num of the peer; 0 before connect() has answered.
  int server_version() const;
  /// The process that the peer said at the login would answer; 0: it said none.
  int backend_pid() const;
  /// What it means when the owner's deadline passes now: unreachable or timeout.
  core::ProbeError deadline_error() const;

 private:
  explicit PgConnection(asio::io_context& loop);
  template <typename Next>
  void watch(asio::posix::stream_descriptor::wait_type direction, Next next);
  void attach_socket();
  void detach_socket();
  void wait_to_connect(bool to_read);
  void connect_step();
  void connected();
  void fail_connect(bool peer_closed);
  bool start(int sent, OnAnswer done);
  void on_readable();
  void flush();
  void collect();
  void absorb(const pg_result* result);
  void lost();
  void refuse_more();
  void complete(Answer answer);

  asio::io_context& loop_;
  asio::posix::stream_descriptor descriptor_;
  pg_conn* conn_ = nullptr;
  OnAnswer done_;                 // taken when it is called, or dropped by close()
  bool waiting_ = false;          // for libpq; false again before done_ is called
  std::uint64_t generation_ = 0;  // of the socket registration; older handlers do nothing
  ConnectPhase phase_ = ConnectPhase::tcp;
  bool tls_in_use_ = false;
  TlsVerdict tls_;
  bool ready_ = false;
  PgIntake intake_;
  std::optional<RowSet> rows_;
  std::optional<Failure> failure_;
};

/// Removes every PG* variable that libpq reads from the environment of this process. Not
/// thread-safe: call it before threads start.
void clear_libpq_environment();

}  // namespace rpoguard::observe
