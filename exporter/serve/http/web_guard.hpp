// What one listener shows its clients, demands of them, and adds to its answers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "exporter/base/mutex.hpp"
#include "exporter/base/result.hpp"
#include "exporter/core/model/web_spec.hpp"
#include "exporter/serve/http/basic_auth.hpp"
#include "exporter/serve/http/http_message.hpp"
#include "exporter/serve/http/tls.hpp"
#include "exporter/serve/http/web_stats.hpp"

namespace rpoguard::serve {

/// Thread-safe. A change counts for connections that are accepted later; those of before should end
/// with their next answer.
class WebGuard {
 public:
  explicit WebGuard(std::string listener);  ///< plain HTTP for everybody

  /// Takes the spec over, or says why not; what was in effect then stays. Once applied, TLS and
  /// passwords may change but neither come nor go, and the demands of TLS on clients may grow but
  /// not shrink: a file cut short must not open the listener.
  base::Result<void> apply(const core::WebSpec& spec);

  /// For a new connection; null: it speaks plain HTTP.
  std::unique_ptr<TlsSession> new_session() const;

  /// The session was let in by rules that have changed since.
  bool is_outdated(const TlsSession& session) const;

  /// 401 or 503 for who has no password that is right; else `handler` answers, and the headers are
  /// added.
  HttpResponse answer(const HttpRequest& request, const HttpHandler& handler);
  /// As answer(), for who is let in by other means.
  HttpResponse answer_unasked(const HttpRequest& request, const HttpHandler& handler) const;

  void count_reload_failure() { ++reload_failures_; }
  void count_handshake_failure() { ++handshake_failures_; }
  WebStats stats() const;

 private:
  struct State {
    core::WebSpec spec;
    std::shared_ptr<const TlsContext> tls;
  };
  std::shared_ptr<const State> state() const;

  const std::string listener_;
  mutable base::Mutex mutex_;
  std::shared_ptr<const State> state_ GUARDED_BY(mutex_);
  bool applied_ GUARDED_BY(mutex_) = false;
  BasicAuth passwords_;
  std::atomic<std::uint64_t> reload_failures_{0};
  std::atomic<std::uint64_t> handshake_failures_{0};
};

/// `handler` behind the guard, which must outlive it. Requests for which `own_key` holds bring a
/// credential that the handler itself checks, in the place where the password would stand; may be
/// null.
HttpHandler guarded(WebGuard& guard, HttpHandler handler,
                    std::function<bool(const HttpRequest&)> own_key = nullptr);

}  // namespace rpoguard::serve
