// rpoguard-demo-pager: the webhook that Alertmanager pages. Appends one line per alert to a file.
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>

#include "demo/tools/net.hpp"
#include "demo/tools/signals.hpp"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace rpoguard::demo;
using nlohmann::json;

constexpr std::size_t kBodyBytesMax = std::size_t{1024} * 1024;
constexpr auto kPatience = std::chrono::seconds(5);

std::string wall_time() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text, size};
}

std::string text_at(const json& object, const char* group, const char* key) {
  const auto inner = object.find(group);
  if (inner == object.end() || !inner->is_object()) return {};
  const auto found = inner->find(key);
  return found != inner->end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string render_alert(const json& alert) {
  const auto status = alert.find("status");
  const std::string state =
      status != alert.end() && status->is_string() ? *status : json("unknown");
  return wall_time() + " " + state + " " + text_at(alert, "labels", "severity") + " " +
         text_at(alert, "labels", "alertname") + " shard=" + text_at(alert, "labels", "shard") +
         " \"" + text_at(alert, "annotations", "summary") + "\"\n";
}

/// False: not a message of Alertmanager.
bool append_alerts(const std::string& body, std::ofstream& out) {
  const json message = json::parse(body, nullptr, false);
  if (!message.is_object() || !message.contains("alerts") || !message["alerts"].is_array()) {
    return false;
  }
  for (const json& alert : message["alerts"]) {
    if (!alert.is_object()) return false;
    out << render_alert(alert);
  }
  return static_cast<bool>(out.flush());
}

void answer(const Fd& client, std::ofstream& out) {
  const auto deadline = boot_now() + kPatience;
  const auto request = receive_http(client, false, kBodyBytesMax, deadline);
  const bool ok = request && append_alerts(request->body, out);
  send_all(client,
           std::string("HTTP/1.1 ") + (ok ? "200 OK" : "400 Bad Request") +
               "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
           deadline);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Receives Alertmanager's webhook and writes the alerts to a file"};
  std::string listen;
  std::string file;
  app.add_option("--listen", listen, "IPV4:PORT")->required();
  app.add_option("--output", file)->required();
  CLI11_PARSE(app, argc, argv);
  const sigset_t signals = block_stop_signals();
  const auto address = parse_address(listen);
  const Fd listener = address ? listen_tcp(*address) : Fd();
  std::ofstream out(file, std::ios::app);
  if (!listener || !out) {
    std::cerr << "cannot listen on " << listen << " or write to " << file << '\n';
    return 1;
  }
  while (!stop_requested(signals, 0)) {
    const Fd client = accept_one(listener, boot_now() + std::chrono::milliseconds(500));
    if (client) answer(client, out);
  }
}
