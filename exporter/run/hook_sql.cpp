#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "exporter/config/secret.hpp"
#include "exporter/core/limits.hpp"
#include "exporter/observe/pg_dialer.hpp"
#include "exporter/observe/pg_queries.hpp"
#include "exporter/observe/sql_text.hpp"
#include "exporter/run/hook_runs.hpp"

namespace rpoguard::run {
namespace {

using notify::Attempt;
using notify::Outcome;

constexpr std::chrono::milliseconds kLookForStop{50};
constexpr std::chrono::milliseconds kNudge{300};  // leaves an address that keeps silent

struct Target {
  core::ConnectSpec connect;
  core::WriterView writer;
};

bool same(const core::WriterView& a, const core::WriterView& b) {
  return a.node == b.node && a.epoch == b.epoch && a.timeline == b.timeline;
}

core::Result<Target> find_target(const core::View* view, const std::string& id, core::Instant now) {
  const core::ShardView* shard = view == nullptr ? nullptr : view->find(id);
  if (shard == nullptr || !shard->writer)
    return core::Error{"there is no confirmed writer to run it on", ""};
  const auto& probe = view->spec->probe;
  if (now - shard->evaluated > core::limits::kStaleIntervals * probe.interval + probe.timeout)
    return core::Error{"who the writer is has not been looked at lately", ""};
  for (const core::NodeSpec& node : shard->spec->nodes) {
    if (node.name == shard->writer->node) return Target{node.connect, *shard->writer};
  }
  return core::Error{"the writer is not in the configuration", ""};
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

core::Result<std::string> password_for(const core::PasswordSource& source) {
  const auto secret = config::read_password(source);
  if (!secret) return secret.error();
  return secret.value().reveal();
}

// One try, on a loop of its own.
class Session {
 public:
  Session(const core::HookSpec& hook, const notify::Notice& notice, const core::Clock& clock,
          const serve::ViewStore& views)
      : hook_(hook),
        notice_(notice),
        clock_(clock),
        views_(views),
        resolver_(loop_, clock, observe::system_lookup, 1, core::Duration::zero()) {}

  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Attempt run(const notify::Stopped& stopped) {
    const auto target = current_target();
    if (!target) return {Outcome::failed, target.error().message};
    target_ = target.value();
    const core::Instant begun = clock_.now();
    dial();
    for (int looks = 1; !outcome_; ++looks) {
      loop_.restart();
      loop_.run_for(kLookForStop);
      if (stopped()) finish(Outcome::failed, "rpoguard is stopping");
      if (!outcome_ && clock_.now() - begun >= hook_.timeout)
        finish(Outcome::retry, "not done within " + core::render_duration(hook_.timeout));
      if (!outcome_ && !connection_ && looks % (kNudge / kLookForStop) == 0) dialer_->try_again();
    }
    return *outcome_;
  }

 private:
  core::Result<Target> current_target() const {
    const auto view = views_.current();
    return find_target(view.get(), notice_.recorded.event.shard, clock_.now());
  }

  void finish(Outcome outcome, const std::string& note) {
    if (!outcome_) outcome_ = Attempt{outcome, note};
    close();
  }

  void close() {
    if (dialer_) dialer_->close();
    if (connection_) std::exchange(connection_, nullptr)->close();
  }

  void dial() {
    const core::ConnectSpec connect = connect_for(hook_, target_->connect);
    dialer_ = std::make_shared<observe::PgDialer>(
        observe::DialContext{loop_, resolver_, read_password_}, connect, hook_.timeout);
    dialer_->dial([this](observe::Dialed dialed) {
      if (const auto* failure = std::get_if<observe::Failure>(&dialed))
        return finish(Outcome::retry, failure->error.message);
      connection_ = std::get<std::shared_ptr<observe::PgConnection>>(std::move(dialed));
      identify();
    });
  }

  // The rows of the answer; null: it failed, and that is the outcome.
  const observe::RowSet* rows_of(const observe::Answer& answer) {
    if (const auto* failure = std::get_if<observe::Failure>(&answer)) {
      finish(Outcome::retry, failure->error.message);
      return nullptr;
    }
    return &std::get<observe::RowSet>(answer);
  }

  void identify() {
    connection_->query(observe::endpoint_sql(), [this](const observe::Answer& answer) {
      const auto* rows = rows_of(answer);
      if (rows == nullptr) return;
      const auto decoded = observe::decode_endpoint(*rows);
      const auto* facts = std::get_if<core::EndpointFacts>(&decoded);
      if (facts == nullptr) return finish(Outcome::retry, "it does not say who it is");
      if (facts->in_recovery || facts->timeline != target_->writer.timeline)
        return finish(Outcome::failed, target_->writer.node + " is not the confirmed writer");
      prepare();
    });
  }

  void prepare() {
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(hook_.timeout).count();
    const std::string sql = "SELECT pg_catalog.set_config('statement_timeout', '" +
                            std::to_string(milliseconds) +
                            "', false), pg_catalog.set_config('rpoguard.event', " +
                            observe::quoted_literal(notice_.json) + ", false)";
    connection_->ask(sql, [this](const observe::Answer& answer) {
      if (rows_of(answer) != nullptr) execute(0);
    });
  }

  void execute(std::size_t statement) {
    if (statement == hook_.sql.size()) return finish(Outcome::delivered, "done");
    // Looked at again before each one: it may have been superseded while this one was connecting.
    const auto target = current_target();
    if (!target) return finish(Outcome::failed, target.error().message);
    if (!same(target.value().writer, target_->writer))
      return finish(Outcome::failed, target_->writer.node + " is no longer the confirmed writer");
    connection_->ask(hook_.sql[statement], [this, statement](const observe::Answer& answer) {
      if (rows_of(answer) != nullptr) execute(statement + 1);
    });
  }

  const core::HookSpec& hook_;
  const notify::Notice& notice_;
  const core::Clock& clock_;
  const serve::ViewStore& views_;
  asio::io_context loop_{1};
  observe::Resolver resolver_;
  const observe::PasswordReader read_password_ = password_for;
  std::optional<Target> target_;
  std::shared_ptr<observe::PgDialer> dialer_;
  std::shared_ptr<observe::PgConnection> connection_;
  std::optional<Attempt> outcome_;
};

}  // namespace

notify::Deliver run_sql_hook(std::shared_ptr<const core::Clock> clock,
                             std::shared_ptr<const serve::ViewStore> views) {
  return [clock = std::move(clock), views = std::move(views)](const core::HookSpec& hook,
                                                              const notify::Notice& notice,
                                                              const notify::Stopped& stopped) {
    return Session(hook, notice, *clock, *views).run(stopped);
  };
}

}  // namespace rpoguard::run
