#include "exporter/serve/agent_check.hpp"

#include <string>
#include <utility>

#include "exporter/serve/http_target.hpp"

namespace rpoguard::serve {
namespace {

constexpr std::size_t kLineBytesMax = 512;

std::string down(std::string_view reason) {
  return "down #" + std::string(reason) + "\n";
}

std::string reason_of(const HttpResponse& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "Rpoguard-Reason") return value;
  }
  return "closed";
}

std::string verdict(const HttpHandler& gate, std::string_view line, const Client& client) {
  HttpTarget target = parse_target(line);
  if (target.path.empty() || target.path_cut) return down("unknown_shard");
  HttpRequest request;
  request.method = "GET";
  request.path = "/gate/" + target.path;
  request.query = std::move(target.query);
  request.remote_address = client.address;
  const HttpResponse response = gate(request);
  return response.status == 200 ? "up\n" : down(reason_of(response));
}

}  // namespace

Protocol make_agent_protocol(HttpHandler gate) {
  return [gate = std::move(gate)](std::string_view received, const Client& client) -> Exchange {
    const std::size_t end = received.find_first_of("\r\n");
    if (end == std::string_view::npos) return {};
    return {received.size(), verdict(gate, received.substr(0, end), client), true, false};
  };
}

StreamOptions agent_stream_options() {
  StreamOptions options;
  // HAProxy itself waits for agent-inter, 2 s unless configured.
  options.idle_timeout = options.request_timeout = std::chrono::seconds(1);
  options.request_bytes_max = kLineBytesMax;
  options.too_silent = options.too_slow = options.too_large = down("unknown_shard");
  return options;
}

}  // namespace rpoguard::serve
