#include "exporter/observe/postgres/pg_session.hpp"

#include <utility>

namespace rpoguard::observe {

PgSession::PgSession(std::shared_ptr<PgConnection> connection, std::weak_ptr<const void> owner)
    : connection_(std::move(connection)), owner_(std::move(owner)) {}

PgSession::~PgSession() {
  close();
}

OnAnswer PgSession::to_answer() {
  return [this, owner = owner_](Answer answer) {
    if (const auto alive = owner.lock()) answer_.put(std::move(answer));
  };
}

Inbox<Answer>& PgSession::query(const std::string& sql) {
  connection_->query(sql, to_answer());
  return answer_;
}

Inbox<Answer>& PgSession::ask(const std::string& sql) {
  connection_->ask(sql, to_answer());
  return answer_;
}

Inbox<Answer>& PgSession::prepare(const std::string& name, const std::string& sql) {
  connection_->prepare(name, sql, to_answer());
  return answer_;
}

Inbox<Answer>& PgSession::execute(const std::string& name) {
  connection_->execute(name, to_answer());
  return answer_;
}

void PgSession::give_up() {
  given_up_ = true;
  Failure late{connection_->deadline_error(), {}};  // before it is closed: how far it has come
  connection_->close();
  answer_.put(std::move(late));
}

}  // namespace rpoguard::observe
