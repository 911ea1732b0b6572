#include "exporter/observe/postgres/pg_intake.hpp"

#include <algorithm>

#include "exporter/core/model/limits.hpp"
#include "exporter/net/received.hpp"
#include "exporter/observe/system/processor_time.hpp"

namespace rpoguard::observe {
namespace {

namespace limits = core::limits;

// So much libpq reads at once if it is there: its buffer has always room for it.
constexpr std::uint64_t kReadAtOnce = 8192;

}  // namespace

PgIntake::PgIntake() : time_left_(limits::kPgTimeMax) {}

void PgIntake::begin(Phase phase, int socket) {
  const std::uint64_t now = read(socket);
  if (phase_ == Phase::idle) idle_before_ += now - std::min(begun_at_, now);
  if (phase == Phase::answer)
    time_left_ =
        std::min<core::Duration>(limits::kPgTimeMax, time_left_ + limits::kPgTimePerQuestion);
  phase_ = phase;
  begun_at_ = now;
}

void PgIntake::before_reading(int socket) {
  unread_before_ = net::bytes_unread(socket);
  time_before_ = processor_time();
}

bool PgIntake::after_reading(int socket) {
  const std::uint64_t unread = net::bytes_unread(socket);
  estimate_ += std::max(unread_before_ - std::min(unread_before_, unread),
                        std::min(unread_before_, kReadAtOnce));
  // What a login costs is for the operator to choose: iterations, certificates.
  if (phase_ != Phase::login) time_left_ -= processor_time() - time_before_;
  const std::uint64_t now = read(socket);
  const std::uint64_t bytes = now - std::min(begun_at_, now);
  switch (phase_) {
    case Phase::login:
      return bytes > limits::kPgLoginBytesMax;
    case Phase::answer:
      return bytes > limits::kPgAnswerBytesMax || time_left_ < core::Duration::zero();
    case Phase::idle:
      break;
  }
  return idle_before_ + bytes > limits::kPgIdleBytesMax || time_left_ < core::Duration::zero();
}

std::uint64_t PgIntake::read(int socket) const {
  return net::bytes_read(socket).value_or(estimate_);
}

}  // namespace rpoguard::observe
