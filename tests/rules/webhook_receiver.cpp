#include "tests/rules/webhook_receiver.hpp"

#include <stdexcept>

#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

constexpr std::size_t kBodyBytesMax = std::size_t{1024} * 1024;
constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::milliseconds kStopWithin{100};

/// "POST /page HTTP/1.1" -> "page"
std::string receiver_of(const std::string& first_line) {
  const std::size_t from = first_line.find('/') + 1;
  return first_line.substr(from, first_line.find(' ', from) - from);
}

}  // namespace

WebhookReceiver::WebhookReceiver()
    : port_(free_port()), listener_(demo::listen_tcp({.port = port_})) {
  if (!listener_) throw std::runtime_error("no webhook receiver");
  thread_ = std::thread([this] { serve(); });
}

WebhookReceiver::~WebhookReceiver() {
  over_ = true;
  thread_.join();
}

std::vector<Notification> WebhookReceiver::sent_to(const std::string& receiver) const {
  const std::lock_guard lock(mutex_);
  std::vector<Notification> found;
  for (const Notification& notification : notifications_) {
    if (notification.receiver == receiver) found.push_back(notification);
  }
  return found;
}

void WebhookReceiver::serve() {
  while (!over_) {
    const demo::Fd client = demo::accept_one(listener_, demo::boot_now() + kStopWithin);
    if (client) take(client);
  }
}

void WebhookReceiver::take(const demo::Fd& client) {
  const auto deadline = demo::boot_now() + kPatience;
  const auto request = demo::receive_http(client, false, kBodyBytesMax, deadline);
  if (!request) return;
  nlohmann::json body = nlohmann::json::parse(request->body, nullptr, false);
  {
    const std::lock_guard lock(mutex_);
    notifications_.push_back({.receiver = receiver_of(request->first_line),
                              .body = std::move(body),
                              .at = std::chrono::steady_clock::now()});
  }
  demo::send_all(client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                 deadline);
}

}  // namespace rpoguard::test
