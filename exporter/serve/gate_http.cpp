#include "exporter/serve/gate_http.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "exporter/serve/http_head.hpp"
#include "exporter/serve/http_target.hpp"

namespace rpoguard::serve {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::size_t kHeadersMax = 100;

struct Head {
  HttpRequest request;
  bool keep = true;    // the client wants to go on with this connection ...
  bool close = false;  // ... or said somewhere that it does not
  bool body = false;   // one is announced
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return lower(c); });
  return result;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// RFC 9110, 5.6.2
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

// Neither control characters nor, in a target, blanks.
bool is_printable(std::string_view text, char lowest) {
  return std::ranges::all_of(text, [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= static_cast<unsigned char>(lowest) && byte != 0x7F) ||
           (lowest == ' ' && c == '\t');
  });
}

bool names_option(std::string_view list, std::string_view option) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (lower(trim(list.substr(0, comma))) == option) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

bool read_request_line(std::string_view line, Head& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first + 1) return false;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_method(method) || !is_printable(target, '!')) return false;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
  HttpTarget parsed = parse_target(target);
  head.keep = version == "HTTP/1.1";
  head.request.method = method;
  head.request.path = std::move(parsed.path);
  head.request.query = std::move(parsed.query);
  head.request.path_cut = parsed.path_cut;
  return true;
}

bool read_header(std::string_view line, Head& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return false;
  std::string name = lower(line.substr(0, colon));
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_printable(value, ' ')) return false;
  if (name == "connection") {
    head.keep = head.keep || names_option(value, "keep-alive");
    head.close = head.close || names_option(value, "close");
  } else if (name == "transfer-encoding") {
    head.body = true;
  } else if (name == "content-length") {
    // What is not plainly zero is a body, also if it is no number: it ends the connection.
    head.body =
        head.body || value.empty() || value.find_first_not_of('0') != std::string_view::npos;
  }
  head.request.headers.emplace(std::move(name), value);
  return true;
}

std::optional<Head> parse_head(std::string_view text) {
  Head head;
  std::size_t headers = 0;
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t end = text.find(kLineEnd);
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + kLineEnd.size());
    const bool fine = first ? read_request_line(line, head) : read_header(line, head);
    if (!fine || headers++ > kHeadersMax) return std::nullopt;
  }
  return head;
}

std::string_view phrase_of(int status) {
  constexpr std::array<std::pair<int, std::string_view>, 11> kPhrases{
      {{200, "OK"},
       {400, "Bad Request"},
       {403, "Forbidden"},
       {404, "Not Found"},
       {405, "Method Not Allowed"},
       {408, "Request Timeout"},
       {409, "Conflict"},
       {414, "URI Too Long"},
       {431, "Request Header Fields Too Large"},
       {500, "Internal Server Error"},
       {503, "Service Unavailable"}}};
  const auto* found = std::ranges::find(kPhrases, status, &std::pair<int, std::string_view>::first);
  return found == kPhrases.end() ? "Status" : found->second;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append(kLineEnd);
}

std::string render(const HttpResponse& response, bool keep, bool with_body) {
  std::string out;
  out.reserve(512 + response.body.size());
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(phrase_of(response.status)).append(kLineEnd);
  append_header(out, "Cache-Control", "no-store");
  append_header(out, "X-Content-Type-Options", "nosniff");
  append_header(out, "Accept-Ranges", "none");
  append_header(out, "Connection", keep ? "keep-alive" : "close");
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  append_header(out, "Content-Type", response.content_type);
  append_header(out, "Content-Length", std::to_string(response.body.size()));
  out.append(kLineEnd);
  if (with_body) out.append(response.body);
  return out;
}

HttpResponse empty_response(int status) {
  HttpResponse response;
  response.status = status;
  return response;
}

// H7: what an exception says is nobody's business out there.
HttpResponse guarded(const HttpHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (...) {
    HttpResponse response = empty_response(500);
    response.body = "internal error\n";
    return response;
  }
}

Exchange refuse(std::size_t consumed, int status) {
  return {consumed, render(empty_response(status), false, true), true, true};
}

Exchange exchange(const HttpHandler& handler, std::string_view received, const Client& client) {
  const std::size_t end = received.find(kHeadEnd);
  if (end == std::string_view::npos) return {};
  const std::size_t bytes = end + kHeadEnd.size();
  if (bytes > kHeadBytesMax) return refuse(bytes, 431);
  std::optional<Head> head = parse_head(received.substr(0, end + kLineEnd.size()));
  if (!head) return refuse(bytes, 400);
  head->request.remote_address = client.address;
  const bool keep = head->keep && !head->close && !head->body && !client.last;
  const bool with_body = head->request.method != "HEAD";
  return {bytes, render(guarded(handler, head->request), keep, with_body), !keep, head->body};
}

}  // namespace

Protocol make_http_protocol(HttpHandler handler) {
  return [handler = std::move(handler)](std::string_view received, const Client& client) {
    return exchange(handler, received, client);
  };
}

StreamOptions http_stream_options() {
  StreamOptions options;
  options.request_timeout = kHeadTimeout;
  options.answer_timeout = kAnswerTimeout;
  options.request_bytes_max = kHeadBytesMax;
  options.too_slow = render(empty_response(408), false, true);
  options.too_large = render(empty_response(431), false, true);
  return options;
}

}  // namespace rpoguard::serve
