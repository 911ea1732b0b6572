// HTTP as values: a request, the answer to it, and a function from one to the other. Whoever only
// builds answers needs this and no server.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/base/result.hpp"

namespace rpoguard::serve {

using HttpQuery = std::multimap<std::string, std::string>;  ///< decoded; keys may repeat
using HttpHeaders = std::map<std::string, std::string>;     ///< names in lower case
using HttpNames = std::set<std::string>;                    ///< in lower case

struct HttpRequest {
  std::string method;
  std::string path;  ///< decoded, without the query, at most limits::kHttpPathBytesMax bytes
  HttpQuery query;
  HttpHeaders headers;  ///< the first of each name; "host" is the target's where that has one
  HttpNames repeated;   ///< of the headers that came more than once (gate only)
  std::string remote_address;
  bool path_cut = false;       ///< `path` is only the start of a longer one (gate only)
  bool authenticated = false;  ///< by a password or a verified client certificate (web_guard.hpp)
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  /// Instead of `body`: one that several answers share.
  std::shared_ptr<const std::string> shared_body = {};
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Must be thread-safe and quick; called on the listener's own threads. Must not throw (a throw is
/// a plain 500). Sees every method, also unknown ones, and answers 405 itself; for HEAD it answers
/// as for GET: the server leaves the body out.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

bool is_get_or_head(const HttpRequest& request);

/// The value of the header; absent if the client sent none of this name, which is in lower case.
std::optional<std::string_view> find_header(const HttpHeaders& headers, const std::string& name);
/// The first value of the parameter; absent if the query has none of this name.
std::optional<std::string> find_parameter(const HttpQuery& query, const std::string& name);

/// Puts the header into the answer, in place of those of exactly this name that it has.
void set_header(HttpResponse& response, const std::pair<std::string, std::string>& header);

HttpResponse text_response(int status, std::string text);
HttpResponse json_response(int status, std::string json);
/// {"error": problem}
HttpResponse json_error(int status, std::string_view problem);
/// 500 with the message, and the hint if there is one, each on a line of its own.
HttpResponse error_response(const base::Error& error);
/// 405 with the list of what is allowed, e.g. "GET, HEAD".
HttpResponse method_not_allowed(const char* allowed);

}  // namespace rpoguard::serve
