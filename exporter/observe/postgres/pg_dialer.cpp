#include "exporter/observe/postgres/pg_dialer.hpp"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "exporter/base/check.hpp"
#include "exporter/observe/postgres/pg_params.hpp"
#include "exporter/observe/postgres/pg_service.hpp"
#include "exporter/observe/system/one_line.hpp"

namespace rpoguard::observe {

namespace {

using core::ProbeFailure;

bool may_try_next_address(ProbeFailure reason) {
  return reason == ProbeFailure::refused || reason == ProbeFailure::unreachable;
}

Failure unusable(ProbeFailure reason, const char* key, const std::string& path,
                 const std::string& why) {
  return {{reason, one_line("cannot use " + std::string(key) + " " + path + ": " + why)}, {}};
}

// libpq would wait on the loop for somebody who writes to it.
bool is_pipe(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
}

// Why a configured file is of no use. libpq goes on without a certificate or a passfile that is not
// there, and the server then complains about something else.
std::optional<Failure> unusable_file(const core::ConnectSpec& spec) {
  struct Row {
    const char* key;
    const std::string& path;
    ProbeFailure reason;
  };
  const bool tls = spec.sslmode != "disable" && !is_socket_directory(spec.host);
  for (const Row& row : {Row{"passfile", spec.password.passfile, ProbeFailure::auth_failed},
                         Row{"sslrootcert", spec.sslrootcert, ProbeFailure::tls_failed},
                         Row{"sslcert", spec.sslcert, ProbeFailure::tls_failed},
                         Row{"sslkey", spec.sslkey, ProbeFailure::tls_failed}}) {
    const bool used = tls || row.reason == ProbeFailure::auth_failed;
    if (!used || row.path.empty()) continue;
    if (::access(row.path.c_str(), R_OK) != 0)
      return unusable(row.reason, row.key, row.path, std::generic_category().message(errno));
    if (is_pipe(row.path))
      return unusable(row.reason, row.key, row.path, "it is a pipe, not a file");
  }
  struct stat passfile {};
  const bool open_to_others = !spec.password.passfile.empty() &&
                              ::stat(spec.password.passfile.c_str(), &passfile) == 0 &&
                              (passfile.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  if (open_to_others)
    return unusable(ProbeFailure::auth_failed, "passfile", spec.password.passfile,
                    "group or others may use it, so libpq would not: chmod 0600");
  return std::nullopt;
}

// Everything is read anew for each connection, so that certificates and passwords rotate without a
// restart.
std::variant<Login, Failure> read_login(const DialContext& context, const core::ConnectSpec& spec) {
  const auto failure = [](ProbeFailure reason, const std::string& message) {
    return Failure{{reason, one_line(message)}, {}};
  };
  Login login{spec};
  if (!spec.service.name.empty()) {
    const auto text =
        context.read_password({.file = {}, .env = {}, .service_file = spec.service.file});
    if (!text.ok()) return failure(ProbeFailure::auth_failed, text.error().message);
    auto filled = with_service(spec, text.value());
    if (auto* error = std::get_if<core::ProbeError>(&filled)) return Failure{*error, {}};
    login = std::get<Login>(std::move(filled));
  }
  if (login.secrets.password.empty()) {
    auto password = context.read_password(spec.password);
    if (!password.ok()) return failure(ProbeFailure::auth_failed, password.error().message);
    login.secrets.password = std::move(password).value();
  }
  if (!spec.sslpassword_file.empty()) {
    auto passphrase = context.read_password({.file = spec.sslpassword_file, .env = {}});
    if (!passphrase.ok()) return failure(ProbeFailure::tls_failed, passphrase.error().message);
    login.secrets.key_passphrase = std::move(passphrase).value();
  }
  if (auto unusable = unusable_file(login.spec)) return *std::move(unusable);
  return login;
}

}  // namespace

PgDialer::PgDialer(const DialContext& context, core::ConnectSpec spec,
                   core::Duration kernel_timeout)
    : context_(context), spec_(std::move(spec)), used_(spec_), kernel_timeout_(kernel_timeout) {}

template <typename Handler>
auto PgDialer::guarded(Handler handler) {
  return [alive = weak_from_this(), attempt = attempt_, handler](auto&&... args) {
    const auto self = alive.lock();
    if (self && self->attempt_ == attempt) handler(*self, std::forward<decltype(args)>(args)...);
  };
}

void PgDialer::dial(std::function<void(Dialed)> done) {
  RPOGUARD_CHECK(!done_);
  done_ = std::move(done);
  ++attempt_;
  tried_ = 0;
  if (is_socket_directory(spec_.host)) {
    addresses_ = {""};
    return connect();
  }
  context_.resolver.resolve(
      spec_.host, guarded([](PgDialer& self, base::Result<Addresses> found) {
        if (!found.ok())
          return self.finish(
              Failure{{ProbeFailure::dns_failed, one_line(found.error().message)}, {}});
        self.addresses_ = std::move(found).value();
        self.address_ %= self.addresses_.size();
        self.connect();
      }));
}

void PgDialer::connect() {
  auto login = read_login(context_, spec_);
  if (auto* failure = std::get_if<Failure>(&login)) return finish(std::move(*failure));
  const auto& [spec, secrets] = std::get<Login>(login);
  used_ = spec;
  ++tried_;
  connection_ = PgConnection::create(context_.loop);
  connection_->connect(
      connect_params(spec, addresses_[address_], secrets, kernel_timeout_),
      guarded([](PgDialer& self, const Answer& answer) { self.on_connected(answer); }));
}

void PgDialer::on_connected(const Answer& answer) {
  const Failure* failure = std::get_if<Failure>(&answer);
  if (failure == nullptr) return finish(std::exchange(connection_, nullptr));
  if (may_try_next_address(failure->error.reason)) {
    advance();
    if (tried_ < addresses_.size()) return connect();
  }
  finish(*failure);
}

void PgDialer::advance() {
  std::exchange(connection_, nullptr)->close();
  address_ = (address_ + 1) % addresses_.size();
}

void PgDialer::try_again() {
  if (connection_ == nullptr) return;
  if (connection_->deadline_error().reason != ProbeFailure::unreachable) return;
  advance();
  ++attempt_;
  connect();
}

core::ProbeError PgDialer::deadline_error() const {
  if (connection_ != nullptr) return connection_->deadline_error();
  return {ProbeFailure::dns_failed, "no answer for " + spec_.host + " in time"};
}

void PgDialer::give_up() {
  finish(Failure{deadline_error(), {}});
}

void PgDialer::finish(Dialed outcome) {
  const auto done = std::exchange(done_, nullptr);
  close();
  done(std::move(outcome));
}

void PgDialer::close() {
  ++attempt_;
  done_ = nullptr;
  if (connection_ != nullptr) std::exchange(connection_, nullptr)->close();
}

}  // namespace rpoguard::observe
