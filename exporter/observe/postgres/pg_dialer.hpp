// From the configured server to a session: the name, the password, one address after another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <variant>

#include <asio/io_context.hpp>

#include "exporter/core/model/observation.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/observe/postgres/pg_connection.hpp"
#include "exporter/observe/system/password_reader.hpp"
#include "exporter/observe/system/resolver.hpp"

namespace rpoguard::observe {

/// The references outlive the dialer.
struct DialContext {
  asio::io_context& loop;
  HostResolver& resolver;
  const PasswordReader& read_password;
};

/// A connected session, or why there is none.
using Dialed = std::variant<std::shared_ptr<PgConnection>, Failure>;

/// Tries the addresses of one server in turn, first the one that worked last. Has no deadlines: the
/// owner calls give_up() or close() when it has waited long enough. Not thread-safe. Order of
/// calls: (dial try_again* (give_up | close)?)*
class PgDialer : public std::enable_shared_from_this<PgDialer> {
 public:
  /// `kernel_timeout`: how long the kernel keeps unacknowledged data.
  PgDialer(const DialContext& context, core::ConnectSpec spec, core::Duration kernel_timeout);

  /// `done` is called once, perhaps before this returns, unless close() comes first.
  void dial(std::function<void(Dialed)> done);
  /// To be called now and then while it takes long: leaves an address that keeps silent for the
  /// next one, or asks it anew if it is the only one. The kernel alone asks after 1, 3, 7 s.
  void try_again();
  /// What it means when the owner's deadline passes now. REQUIRES: dialing.
  core::ProbeError deadline_error() const;
  /// It has passed: `done` gets that, before this returns. REQUIRES: dialing.
  void give_up();
  void close();
  /// What the last connection was made with: the service file may have named another role or
  /// database than the spec.
  const core::ConnectSpec& used() const { return used_; }

 private:
  template <typename Handler>
  auto guarded(Handler handler);
  void connect();
  void on_connected(const Answer& answer);
  void advance();
  void finish(Dialed outcome);

  DialContext context_;
  core::ConnectSpec spec_;
  core::ConnectSpec used_;
  core::Duration kernel_timeout_;
  std::function<void(Dialed)> done_;
  std::uint64_t attempt_ = 0;  // handlers of an older one do nothing
  Addresses addresses_;
  std::size_t address_ = 0;  // the one in use; kept while it works
  std::size_t tried_ = 0;    // since dial()
  std::shared_ptr<PgConnection> connection_;
};

}  // namespace rpoguard::observe
