#include "exporter/observe/pg_dialer.hpp"

#include <utility>

#include "exporter/core/check.hpp"
#include "exporter/observe/pg_params.hpp"

namespace rpoguard::observe {

namespace {

using core::ProbeFailure;

bool may_try_next_address(ProbeFailure reason) {
  return reason == ProbeFailure::refused || reason == ProbeFailure::unreachable;
}

}  // namespace

PgDialer::PgDialer(const DialContext& context, core::ConnectSpec spec,
                   core::Duration kernel_timeout)
    : context_(context), spec_(std::move(spec)), kernel_timeout_(kernel_timeout) {}

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
      spec_.host, guarded([](PgDialer& self, core::Result<Addresses> found) {
        if (!found.ok())
          return self.finish(
              Failure{{ProbeFailure::dns_failed, one_line(found.error().message)}, {}});
        self.addresses_ = std::move(found).value();
        self.address_ %= self.addresses_.size();
        self.connect();
      }));
}

void PgDialer::connect() {
  const auto password = context_.read_password(spec_.password);  // L10: anew each time
  if (!password.ok())
    return finish(Failure{{ProbeFailure::auth_failed, one_line(password.error().message)}, {}});
  ++tried_;
  connection_ = PgConnection::create(context_.loop);
  connection_->connect(
      connect_params(spec_, addresses_[address_], password.value(), kernel_timeout_),
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
