#include "exporter/serve/http/http_message.hpp"

#include "exporter/serve/http/text.hpp"

namespace rpoguard::serve {

bool is_get_or_head(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

std::optional<std::string_view> find_header(const HttpHeaders& headers, const std::string& name) {
  const auto found = headers.find(name);
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> find_parameter(const HttpQuery& query, const std::string& name) {
  const auto found = query.find(name);
  if (found == query.end()) return std::nullopt;
  return found->second;
}

void set_header(HttpResponse& response, const std::pair<std::string, std::string>& header) {
  std::erase_if(response.headers, [&](const auto& own) { return own.first == header.first; });
  response.headers.push_back(header);
}

HttpResponse text_response(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(text);
  return response;
}

HttpResponse json_response(int status, std::string json) {
  HttpResponse response = text_response(status, std::move(json));
  response.content_type = "application/json";
  return response;
}

HttpResponse json_error(int status, std::string_view problem) {
  std::string body = "{\"error\":";
  append_json_string(body, problem);
  body += "}\n";
  return json_response(status, std::move(body));
}

HttpResponse error_response(const base::Error& error) {
  const std::string hint = error.hint.empty() ? "" : "HINT: " + error.hint + "\n";
  return text_response(500, error.message + "\n" + hint);
}

HttpResponse method_not_allowed(const char* allowed) {
  HttpResponse response = text_response(405, std::string("allowed here: ") + allowed + "\n");
  set_header(response, {"Allow", allowed});
  return response;
}

}  // namespace rpoguard::serve
