#include "exporter/serve/http/web_guard.hpp"

#include <algorithm>
#include <utility>

namespace rpoguard::serve {
namespace {

HttpResponse refusal(BasicAuth::Verdict verdict) {
  if (verdict == BasicAuth::Verdict::busy) {
    HttpResponse response = text_response(503, "too many passwords to check at once\n");
    set_header(response, {"Retry-After", "1"});
    return response;
  }
  HttpResponse response = text_response(401, "a user and a password are needed\n");
  set_header(response, {"WWW-Authenticate", "Basic realm=\"rpoguard\""});
  return response;
}

// The configured header takes the place of one that the answer has anyway.
void add_headers(HttpResponse& response, const core::WebSpec& spec) {
  for (const auto& header : spec.headers) set_header(response, header);
}

// What is missing from a file cut short.
bool relaxes(const core::TlsSpec& next, const core::TlsSpec& before) {
  return next.client_auth < before.client_auth || next.min_version < before.min_version ||
         (next.client_allowed_sans.empty() && !before.client_allowed_sans.empty());
}

}  // namespace

WebGuard::WebGuard(std::string listener)
    : listener_(std::move(listener)), state_(std::make_shared<const State>()) {}

base::Result<void> WebGuard::apply(const core::WebSpec& spec) {
  auto next = std::make_shared<State>();
  next->spec = spec;
  if (spec.tls) {
    auto context = TlsContext::make(*spec.tls);
    if (!context) return context.error();
    next->tls = std::move(context).value();
    next->spec.tls->key.clear();  // one copy less of a secret
  }
  const base::MutexLock lock(mutex_);
  const core::WebSpec& before = state_->spec;
  if (applied_ && (before.tls.has_value() != spec.tls.has_value() ||
                   before.users.empty() != spec.users.empty()))
    return base::Error{
        "tls_server_config and basic_auth_users cannot come or go while rpoguard runs",
        "restart rpoguard to change that"};
  if (before.tls && spec.tls && relaxes(*spec.tls, *before.tls))
    return base::Error{
        "client_auth_type, client_allowed_sans and min_version cannot be relaxed while rpoguard "
        "runs",
        "restart rpoguard to change that"};
  state_ = std::move(next);
  applied_ = true;
  return {};
}

std::shared_ptr<const WebGuard::State> WebGuard::state() const {
  const base::MutexLock lock(mutex_);
  return state_;
}

std::unique_ptr<TlsSession> WebGuard::new_session() const {
  const auto current = state();
  return current->tls ? std::make_unique<TlsSession>(current->tls) : nullptr;
}

bool WebGuard::is_outdated(const TlsSession& session) const {
  return &session.context() != state()->tls.get();
}

HttpResponse WebGuard::answer(const HttpRequest& request, const HttpHandler& handler) {
  const auto current = state();
  if (current->spec.users.empty()) return answer_unasked(request, handler);
  const auto credentials = find_header(request.headers, "authorization");
  const auto verdict =
      credentials ? passwords_.check(current->spec.users, *credentials, request.remote_address)
                  : BasicAuth::Verdict::wrong;
  if (verdict != BasicAuth::Verdict::right) {
    HttpResponse response = refusal(verdict);
    add_headers(response, current->spec);
    return response;
  }
  HttpRequest known = request;
  known.authenticated = true;
  return answer_unasked(known, handler);
}

HttpResponse WebGuard::answer_unasked(const HttpRequest& request,
                                      const HttpHandler& handler) const {
  HttpResponse response = handler(request);
  add_headers(response, state()->spec);
  return response;
}

WebStats WebGuard::stats() const {
  const auto current = state();
  return {.listener = listener_,
          .certificate_expiry = current->tls ? std::optional(current->tls->expiry()) : std::nullopt,
          .reload_failures = reload_failures_,
          .handshake_failures = handshake_failures_};
}

HttpHandler guarded(WebGuard& guard, HttpHandler handler,
                    std::function<bool(const HttpRequest&)> own_key) {
  return [&guard, handler = std::move(handler),
          own_key = std::move(own_key)](const HttpRequest& request) {
    return own_key && own_key(request) ? guard.answer_unasked(request, handler)
                                       : guard.answer(request, handler);
  };
}

}  // namespace rpoguard::serve
