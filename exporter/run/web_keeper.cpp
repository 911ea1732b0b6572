#include "exporter/run/web_keeper.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "exporter/run/log.hpp"

namespace rpoguard::run {
namespace {

using config::WebListener;

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::chrono::seconds kPatience{2};

const char* name_of(WebListener listener) {
  return listener == WebListener::ops ? "ops" : "gate";
}

std::string join(const std::vector<config::Diagnostic>& diagnostics) {
  std::string text;
  for (const auto& diagnostic : diagnostics) text += config::render(diagnostic) + "\n";
  return text;
}

std::string join(const std::string& path, const base::Error& error) {
  return path + ": " + error.message + (error.hint.empty() ? "" : " (" + error.hint + ")") + "\n";
}

bool same(const config::LoadedWeb& one, const config::LoadedWeb& other) {
  return one.spec == other.spec && join(one.diagnostics) == join(other.diagnostics);
}

// Empty: the guard has taken the file over.
std::string apply(serve::WebGuard& guard, const std::string& path,
                  const config::LoadedWeb& loaded) {
  if (!loaded.spec) return join(loaded.diagnostics);
  const auto applied = guard.apply(*loaded.spec);
  return applied ? std::string() : join(path, applied.error());
}

std::string expired(const serve::WebGuard& guard, const std::string& path, core::WallTime now) {
  const auto expiry = guard.stats().certificate_expiry;
  if (!expiry || *expiry > now) return {};
  return path + ": tls_server_config.cert_file: the certificate has ended\n";
}

}  // namespace

std::string check_web_file(const std::string& path, WebListener listener, core::WallTime now) {
  serve::WebGuard guard(name_of(listener));
  const std::string problems = apply(guard, path, config::load_web_file(path, listener));
  return problems.empty() ? expired(guard, path, now) : problems;
}

WebKeeper::Watched::Watched(WebListener which, std::string file)
    : listener(which), path(std::move(file)), guard(name_of(which)) {}

std::string WebKeeper::open(const WebFiles& files) {
  std::string problems;
  const auto open_one = [&](WebListener listener, const std::string& path) {
    if (path.empty()) return;
    auto& watched = *shared_->watched.emplace_back(std::make_unique<Watched>(listener, path));
    watched.last = config::load_web_file(path, listener);
    problems += apply(watched.guard, path, watched.last);
    // Clients judge that. Without rpoguard nobody would know anything at all.
    if (const auto late = expired(watched.guard, path, clock_.wall()); !late.empty())
      write_log({Level::warning,
                 "the certificate has ended",
                 {{"listener", name_of(listener)}, {"file", path}}});
  };
  open_one(WebListener::ops, files.ops);
  open_one(WebListener::gate, files.gate);
  return problems;
}

serve::WebGuard* WebKeeper::guard(WebListener listener) {
  const auto found = std::ranges::find_if(
      shared_->watched, [&](const auto& watched) { return watched->listener == listener; });
  return found == shared_->watched.end() ? nullptr : &(*found)->guard;
}

std::vector<serve::WebStats> WebKeeper::stats() const {
  std::vector<serve::WebStats> all;
  for (const auto& watched : shared_->watched) all.push_back(watched->guard.stats());
  return all;
}

void WebKeeper::start() {
  if (shared_->watched.empty()) return;
  thread_.start([shared = shared_] { shared->look_until_stopped(); });
}

void WebKeeper::stop() {
  {
    const base::MutexLock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->changed.notify_all();
  }
  thread_.wait_for_end(kPatience);
}

void WebKeeper::Shared::look_until_stopped() {
  base::MutexLock lock(mutex);
  while (!changed.wait_for(lock, kLookEvery, [this]() REQUIRES(mutex) { return stopping; })) {
    lock.unlock();
    look(*this);
    lock.lock();
  }
}

void WebKeeper::look(const Shared& shared) {
  for (const auto& watched : shared.watched) {
    config::LoadedWeb loaded = config::load_web_file(watched->path, watched->listener);
    if (same(loaded, watched->last)) continue;
    watched->last = std::move(loaded);
    take_over(*watched);
  }
}

void WebKeeper::take_over(Watched& watched) {
  const std::string listener = name_of(watched.listener);
  const std::string problems = apply(watched.guard, watched.path, watched.last);
  if (problems.empty())
    return write_log({Level::info, "web configuration reloaded", {{"listener", listener}}});
  watched.guard.count_reload_failure();
  write_log({Level::error,
             "web configuration not reloaded, the old one stays",
             {{"listener", listener}, {"error", problems}}});
}

}  // namespace rpoguard::run
