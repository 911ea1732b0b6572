// Ending a program on SIGTERM or SIGINT without a handler.
#pragma once

#include <csignal>
#include <ctime>

namespace rpoguard::demo {

/// Call it first in main, before any thread starts: every thread inherits the mask.
inline sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

/// Waits up to `seconds`; true once the program has been asked to end.
inline bool stop_requested(const sigset_t& signals, time_t seconds) {
  const timespec wait{seconds, 0};
  return sigtimedwait(&signals, nullptr, &wait) > 0;
}

}  // namespace rpoguard::demo
