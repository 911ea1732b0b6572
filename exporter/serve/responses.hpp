// The answers that several paths share.
#pragma once

#include <string>
#include <string_view>

#include "exporter/serve/http_server.hpp"

namespace rpoguard::serve {

inline constexpr const char* kJson = "application/json";

HttpResponse text_response(int status, std::string text);
HttpResponse json_response(int status, std::string json);
/// {"error": problem}
HttpResponse json_error(int status, std::string_view problem);
/// 405 with the list of what is allowed, e.g. "GET, HEAD".
HttpResponse method_not_allowed(const char* allowed);

bool is_get_or_head(const HttpRequest& request);

}  // namespace rpoguard::serve
