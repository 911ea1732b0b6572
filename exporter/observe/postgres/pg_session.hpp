// A connected session on which a coroutine asks one question after the other.
#pragma once

#include <memory>
#include <string>

#include "exporter/observe/postgres/pg_connection.hpp"
#include "exporter/observe/system/task.hpp"

namespace rpoguard::observe {

/// The questions of a PgConnection, to be awaited: `const Answer answer = co_await
/// session.ask(sql)`. One at a time. Not thread-safe. Closes the connection when it is destroyed,
/// which must not happen while a coroutine waits for an answer, unless that coroutine ends as well.
class PgSession {
 public:
  /// `owner` owns the coroutines that ask; when it is gone nothing is answered any more.
  PgSession(std::shared_ptr<PgConnection> connection, std::weak_ptr<const void> owner);
  ~PgSession();
  PgSession(const PgSession&) = delete;
  PgSession& operator=(const PgSession&) = delete;

  /// Each as PgConnection has it.
  Inbox<Answer>& query(const std::string& sql);
  Inbox<Answer>& ask(const std::string& sql);
  Inbox<Answer>& prepare(const std::string& name, const std::string& sql);
  Inbox<Answer>& execute(const std::string& name);

  /// The deadline of the one who waits has passed: closes the connection, since a session that owes
  /// an answer is in an unknown state, and answers with deadline_error(). REQUIRES: a question is
  /// open.
  void give_up();
  bool given_up() const { return given_up_; }
  /// Closes the connection; what is open stays unanswered.
  void close() { connection_->close(); }

  bool usable() const { return connection_->usable(); }
  int server_version() const { return connection_->server_version(); }
  int backend_pid() const { return connection_->backend_pid(); }
  core::ProbeError deadline_error() const { return connection_->deadline_error(); }

 private:
  OnAnswer to_answer();

  const std::shared_ptr<PgConnection> connection_;
  const std::weak_ptr<const void> owner_;
  Inbox<Answer> answer_;
  bool given_up_ = false;
};

}  // namespace rpoguard::observe
