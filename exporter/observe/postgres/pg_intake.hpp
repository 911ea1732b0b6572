// What one session may cost rpoguard: bytes, and the processor's time. libpq itself keeps whatever
// a server sends, as long as it goes on sending.
#pragma once

#include <cstdint>

#include "exporter/core/model/units.hpp"

namespace rpoguard::observe {

/// Of one connection. Order of calls: begin (before_reading after_reading | begin)*
class PgIntake {
 public:
  PgIntake();

  enum class Phase {
    login,
    answer,  ///< a question is open
    idle,    ///< nothing was asked for: a notice or two may come
  };

  /// From now on what comes belongs to this phase. Each question earns some of the processor's time
  /// back.
  void begin(Phase phase, int socket);

  void before_reading(int socket);
  /// Whether it is more than the phase allows, in bytes or in time.
  bool after_reading(int socket);

 private:
  std::uint64_t read(int socket) const;

  Phase phase_ = Phase::login;
  std::uint64_t begun_at_ = 0;       // bytes, of the phase
  std::uint64_t idle_before_ = 0;    // bytes, of earlier idle phases
  std::uint64_t estimate_ = 0;       // bytes; where the kernel does not count
  std::uint64_t unread_before_ = 0;  // the same
  core::Duration time_before_{0};
  core::Duration time_left_;
};

}  // namespace rpoguard::observe
