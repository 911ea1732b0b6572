// Whatever a client puts into a request: no crash, no answer that is not JSON where JSON is due,
// never a 5xx from the authorisation dialect, never a header that splits the response, and the same
// verdict in both dialects.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "exporter/core/model/limits.hpp"
#include "exporter/serve/gate/agent_check.hpp"
#include "exporter/serve/gate/gate_http.hpp"
#include "exporter/serve/http/http_head.hpp"
#include "exporter/serve/http/http_target.hpp"

#include "tests/unit/serve/views.hpp"

namespace {

using rpoguard::serve::HttpRequest;
using rpoguard::serve::HttpResponse;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Subject {
  rpoguard::test::World world;
  rpoguard::serve::HttpHandler gate = rpoguard::serve::make_gate_handler(world.gate_context());
  rpoguard::serve::Protocol http = rpoguard::serve::make_http_protocol(gate);
  rpoguard::serve::Protocol agent = rpoguard::serve::make_agent_protocol(world.gate_context());
  rpoguard::serve::HttpHandler ops = rpoguard::serve::make_ops_handler(world.ops_context());

  Subject() { world.views.publish(rpoguard::test::mixed_view(world.clock.now())); }
};

void check(const HttpResponse& response) {
  require(response.status >= 200 && response.status < 600);
  for (const auto& [name, value] : response.headers) {
    require(value.find_first_of("\r\n") == std::string::npos);
  }
  if (response.content_type == "application/json") {
    require(nlohmann::json::accept(response.body));
  }
}

void try_head(const std::string& input) {
  std::string head = input + "\r\n\r\n";
  head.resize(head.find("\r\n\r\n") + 4);
  const auto withheld = rpoguard::serve::withhold(head);
  require(withheld.method.empty() || head.starts_with("GET "));
  require(head.find("\nRange:") == std::string::npos || withheld.method.empty());
}

void try_target(Subject& subject, const std::string& input) {
  rpoguard::serve::HttpTarget target = rpoguard::serve::parse_target(input);
  require(target.path.size() <= rpoguard::core::limits::kHttpPathBytesMax);
  HttpRequest request;
  request.method = "GET";
  request.path = target.path;
  request.path_cut = target.path_cut;
  request.query = target.query;
  check(subject.gate(request));
  check(subject.ops(request));

  request.path = "/readyz";
  check(subject.ops(request));
  request.path = "/gate/184";
  request.path_cut = false;
  const HttpResponse gate = subject.gate(request);
  check(gate);
  request.path = "/authz/184/any";
  const HttpResponse authz = subject.gate(request);
  check(authz);
  require(authz.status == 200 || authz.status == 403);
  require((gate.status == 200) == (authz.status == 200));
  require(gate.body == authz.body && gate.headers == authz.headers);
}

// As the stream server feeds it: nothing is consumed that was not sent, an answer is whole, and
// what follows a body or nonsense is never taken for a request.
void try_stream(Subject& subject, std::string_view rest) {
  while (!rest.empty()) {
    const auto exchange = subject.http(rest, {});
    require(exchange.consumed <= rest.size());
    require((exchange.consumed == 0) == exchange.answer.empty());
    if (exchange.consumed == 0) break;
    require(exchange.answer.starts_with("HTTP/1.1 "));
    require(exchange.close || !exchange.unread);
    require(exchange.close ==
            (exchange.answer.find("\r\nConnection: close\r\n") != std::string::npos));
    if (exchange.close) break;
    rest.remove_prefix(exchange.consumed);
  }
}

void try_agent(Subject& subject, const std::string& input) {
  const std::string answer = subject.agent(input + "\n", {}).answer;
  require(answer == "up\n" || (answer.starts_with("down #") && answer.ends_with('\n')));
  require(answer.find('\n') == answer.size() - 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Subject subject;
  const std::string input(reinterpret_cast<const char*>(data), size);
  try_head(input);
  try_target(subject, input);
  try_stream(subject, input);
  try_agent(subject, input);
  return 0;
}
