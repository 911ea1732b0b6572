#include "exporter/serve/responses.hpp"

#include "exporter/serve/text.hpp"

namespace rpoguard::serve {

HttpResponse text_response(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(text);
  return response;
}

HttpResponse json_response(int status, std::string json) {
  HttpResponse response;
  response.status = status;
  response.content_type = kJson;
  response.body = std::move(json);
  return response;
}

HttpResponse json_error(int status, std::string_view problem) {
  std::string body = "{\"error\":";
  append_json_string(body, problem);
  body += "}\n";
  return json_response(status, std::move(body));
}

HttpResponse method_not_allowed(const char* allowed) {
  HttpResponse response = text_response(405, std::string("allowed here: ") + allowed + "\n");
  response.headers.emplace_back("Allow", allowed);
  return response;
}

bool is_get_or_head(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

}  // namespace rpoguard::serve
