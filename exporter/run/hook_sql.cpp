#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <asio/io_context.hpp>

#include "exporter/config/secret.hpp"
#include "exporter/core/model/limits.hpp"
#include "exporter/observe/postgres/pg_dialer.hpp"
#include "exporter/observe/postgres/pg_queries.hpp"
#include "exporter/observe/postgres/pg_session.hpp"
#include "exporter/observe/postgres/sql_text.hpp"
#include "exporter/observe/system/task.hpp"
#include "exporter/run/hook_runs.hpp"

namespace rpoguard::run {
namespace {

using notify::Attempt;
using notify::Outcome;

constexpr std::chrono::milliseconds kNudge{300};  // leaves an address that keeps silent

struct Target {
  core::ConnectSpec connect;
  core::WriterView writer;
};

bool same(const core::WriterView& a, const core::WriterView& b) {
  return a.node == b.node && a.epoch == b.epoch && a.timeline == b.timeline;
}

base::Result<Target> find_target(const core::View* view, const std::string& id, core::Instant now) {
  const core::ShardView* shard = view == nullptr ? nullptr : view->find(id);
  if (shard == nullptr || !shard->writer)
    return base::Error{"there is no confirmed writer to run it on"};
  const auto& probe = view->spec->probe;
  if (now - shard->evaluated > core::limits::kStaleIntervals * probe.interval + probe.timeout)
    return base::Error{"who the writer is has not been looked at lately"};
  for (const core::NodeSpec& node : shard->spec->nodes) {
    if (node.name == shard->writer->node) return Target{node.connect, *shard->writer};
  }
  return base::Error{"the writer is not in the configuration"};
}

core::ConnectSpec connect_for(const core::HookSpec& hook, core::ConnectSpec connect) {
  if (!hook.user.empty()) {
    connect.user = hook.user;
    connect.password = {.file = hook.password_file, .env = {}};
    connect.sslcert.clear();  // it is that of rpoguard's own role
    connect.sslkey.clear();
    connect.sslpassword_file.clear();
    for (const char* keyword : {"user", "password", "passfile", "sslcert", "sslkey", "sslpassword"})
      std::erase(connect.service.fills, keyword);
  }
  if (!hook.dbname.empty()) {
    connect.dbname = hook.dbname;
    std::erase(connect.service.fills, "dbname");
  }
  return connect;
}

// Without pg_catalog alone in the search_path, the owner of the database could have a statement of
// the operator's call what he has made, with the rights of the hook's role.
std::string settings_sql(const core::HookSpec& hook, const std::string& event) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(hook.timeout).count();
  return "SELECT pg_catalog.set_config('statement_timeout', '" + std::to_string(milliseconds) +
         "', false), pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)"
         ", pg_catalog.set_config('rpoguard.event', " +
         observe::quoted_literal(event) + ", false)";
}

// The server does not know a name. It may be in a schema that the statement has not named.
bool is_unknown_name(const observe::Failure& failure) {
  constexpr std::array<std::string_view, 4> kUndefined{"42P01", "42883", "42704", "3F000"};
  return std::ranges::find(kUndefined, failure.sqlstate) != kUndefined.end();
}

Attempt refused(const observe::Failure& failure) {
  constexpr const char* kHint = ": a hook's search_path is pg_catalog, so write SCHEMA.NAME";
  return {Outcome::retry, failure.error.message + (is_unknown_name(failure) ? kHint : "")};
}

// Whether the server itself has answered, and no pooler; absent: it is.
std::optional<Attempt> check_backend(const observe::Answer& answer, int login_pid) {
  if (const auto* failure = std::get_if<observe::Failure>(&answer))
    return Attempt{Outcome::retry, failure->error.message};
  const auto problem = observe::decode_backend(std::get<observe::RowSet>(answer), login_pid);
  if (!problem) return std::nullopt;
  return Attempt{Outcome::failed, problem->message};
}

// Whether it is the confirmed writer that has answered; absent: it is, else why not.
std::optional<std::string> check_identity(const observe::RowSet& answer,
                                          const core::WriterView& writer) {
  const auto decoded = observe::decode_endpoint(answer);
  const auto* facts = std::get_if<core::EndpointFacts>(&decoded);
  if (facts == nullptr) return "it does not say who it is";
  if (facts->in_recovery || facts->timeline != writer.timeline)
    return writer.node + " is not the confirmed writer";
  return std::nullopt;
}

// One try, on a loop of its own.
class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  Delivery(const core::HookSpec& hook, const notify::Notice& notice, const core::Clock& clock,
           const serve::ViewStore& views)
      : hook_(hook),
        notice_(notice),
        clock_(clock),
        views_(views),
        resolver_(loop_, clock, observe::system_lookup, 1, core::Duration::zero()) {}

  Attempt run(const notify::Stopped& stopped) {
    const core::Instant begun = clock_.now();
    path_ = deliver();
    path_.start();
    for (int looks = 1; !outcome_; ++looks) {
      loop_.restart();
      loop_.run_for(kLookForStop);
      if (outcome_) break;
      if (stopped()) {
        outcome_ = Attempt{Outcome::failed, "rpoguard is stopping"};
      } else if (clock_.now() - begun >= hook_.timeout) {
        outcome_ =
            Attempt{Outcome::retry, "not done within " + core::render_duration(hook_.timeout)};
      } else if (!session_ && looks % (kNudge / kLookForStop) == 0) {
        dialer_->try_again();
      }
    }
    close();
    return *outcome_;
  }

 private:
  base::Result<Target> current_target() const {
    const auto view = views_.current();
    return find_target(view.get(), notice_.recorded.event.shard, clock_.now());
  }

  // Others wait behind this event, also those of shards that have a writer.
  Attempt without_writer(const std::string& why) const {
    const bool soon = clock_.now() - notice_.happened < kWriterPatience;
    return {soon ? Outcome::retry : Outcome::failed, why};
  }

  void close() {
    if (dialer_) dialer_->close();
    if (session_) session_->close();
  }

  observe::Task<> deliver() { outcome_ = co_await connect_and_execute(); }

  observe::Task<Attempt> connect_and_execute() {
    const auto target = current_target();
    if (!target) co_return without_writer(target.error().message);
    const core::WriterView& writer = target.value().writer;
    dialer_ = std::make_shared<observe::PgDialer>(
        observe::DialContext{loop_, resolver_, read_password_},
        connect_for(hook_, target.value().connect), hook_.timeout);
    dialer_->dial([this](observe::Dialed dialed) { dialed_.put(std::move(dialed)); });
    observe::Dialed dialed = co_await dialed_;
    if (const auto* failure = std::get_if<observe::Failure>(&dialed))
      co_return Attempt{Outcome::retry, failure->error.message};
    session_.emplace(std::get<std::shared_ptr<observe::PgConnection>>(std::move(dialed)),
                     weak_from_this());
    const observe::Answer backend = co_await session_->query(observe::backend_sql());
    if (auto problem = check_backend(backend, session_->backend_pid()))
      co_return *std::move(problem);
    const observe::Answer identity = co_await session_->query(observe::endpoint_sql());
    if (const auto* failure = std::get_if<observe::Failure>(&identity))
      co_return Attempt{Outcome::retry, failure->error.message};
    if (const auto problem = check_identity(std::get<observe::RowSet>(identity), writer))
      co_return without_writer(*problem);
    const observe::Answer prepared =
        co_await session_->query(observe::in_own_transaction(settings_sql(hook_, notice_.json)));
    if (const auto* failure = std::get_if<observe::Failure>(&prepared))
      co_return Attempt{Outcome::retry, failure->error.message};
    for (const std::string& statement : hook_.sql) {
      // Looked at again before each one: it may have been superseded while this one was connecting.
      const auto now = current_target();
      if (!now) co_return without_writer(now.error().message);
      if (!same(now.value().writer, writer))
        co_return without_writer(writer.node + " is no longer the confirmed writer");
      const observe::Answer done = co_await session_->ask(statement);
      if (const auto* failure = std::get_if<observe::Failure>(&done)) co_return refused(*failure);
    }
    co_return Attempt{Outcome::delivered, "done"};
  }

  const core::HookSpec& hook_;
  const notify::Notice& notice_;
  const core::Clock& clock_;
  const serve::ViewStore& views_;
  asio::io_context loop_{1};
  observe::HostResolver resolver_;
  const observe::PasswordReader read_password_ = config::reveal_password;
  std::shared_ptr<observe::PgDialer> dialer_;
  observe::Inbox<observe::Dialed> dialed_;
  std::optional<observe::PgSession> session_;
  std::optional<Attempt> outcome_;
  observe::Task<> path_;  // refers to all above, so it goes first
};

}  // namespace

notify::Deliver run_sql_hook(std::shared_ptr<const core::Clock> clock,
                             std::shared_ptr<const serve::ViewStore> views) {
  return [clock = std::move(clock), views = std::move(views)](const core::HookSpec& hook,
                                                              const notify::Notice& notice,
                                                              const notify::Stopped& stopped) {
    return std::make_shared<Delivery>(hook, notice, *clock, *views)->run(stopped);
  };
}

}  // namespace rpoguard::run
