#include "exporter/serve/gate/gate_http.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>

#include "exporter/base/text.hpp"
#include "exporter/serve/http/http_head.hpp"
#include "exporter/serve/http/http_limits.hpp"
#include "exporter/serve/http/http_target.hpp"

namespace rpoguard::serve {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::empty_body>;

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::ptrdiff_t kHeadersMax = 100;

struct Head {
  HttpRequest request;
  bool keep = false;  // the client wants to go on with this connection
  bool body = false;  // one is announced
};

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// Beast joins a folded line with the one before it. What stands before us may not, and would then
// see another header than we do.
bool has_folded_line(std::string_view head) {
  return head.find("\r\n ") != std::string_view::npos ||
         head.find("\r\n\t") != std::string_view::npos;
}

// Beast's own keep_alive() also heeds Proxy-Connection, and keeps an HTTP/1.0 connection whose
// client says both. RFC 9112, 9.3: "close" wins.
bool wants_to_keep(const Parser::value_type& message) {
  const auto fields = message.equal_range(http::field::connection);
  const auto says = [&fields](const char* option) {
    return std::any_of(fields.first, fields.second, [option](const auto& field) {
      return http::token_list(field.value()).exists(option);
    });
  };
  return !says("close") && (message.version() >= 11 || says("keep-alive"));
}

HttpRequest request_of(const Parser::value_type& message) {
  HttpRequest request;
  HttpTarget target = parse_target(view(message.target()));
  request.method = view(message.method_string());
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  request.path_cut = target.path_cut;
  for (const auto& field : message) {
    std::string name = base::lower(view(field.name_string()));
    const bool first = request.headers.emplace(name, view(field.value())).second;
    if (!first) request.repeated.insert(std::move(name));
  }
  if (!target.authority.empty()) request.headers["host"] = std::move(target.authority);
  return request;
}

// `text` ends with its empty line.
std::optional<Head> parse_head(std::string_view text) {
  Parser parser;
  parser.header_limit(kHeadBytesMax);
  parser.skip(true);  // bodies are never read
  boost::beast::error_code error;
  const std::size_t taken = parser.put(boost::asio::buffer(text), error);
  if (error || taken != text.size() || has_folded_line(text)) return std::nullopt;
  const Parser::value_type& message = parser.get();
  if (!is_method(view(message.method_string()))) return std::nullopt;
  if (std::distance(message.begin(), message.end()) > kHeadersMax) return std::nullopt;
  Head head;
  head.request = request_of(message);
  head.keep = wants_to_keep(message);
  // Any transfer coding is a body, also one that Beast does not know.
  head.body =
      message.count(http::field::transfer_encoding) > 0 || parser.content_length().value_or(0) > 0;
  return head;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append(kLineEnd);
}

std::string render(const HttpResponse& response, bool keep, bool with_body) {
  const auto phrase = view(http::obsolete_reason(static_cast<http::status>(response.status)));
  std::string out;
  out.reserve(512 + response.body.size());
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(phrase).append(kLineEnd);
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

std::string last_words(int status) {
  return render(text_response(status, ""), false, true);
}

// What an exception says is nobody's business out there.
HttpResponse answer_or_500(const HttpHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (...) {
    return text_response(500, "internal error\n");
  }
}

Exchange refuse(std::size_t consumed, int status) {
  return {.consumed = consumed, .answer = last_words(status), .close = true, .unread = true};
}

Exchange exchange(const HttpHandler& handler, std::string_view received, const Client& client) {
  const std::size_t end = received.find(kHeadEnd);
  if (end == std::string_view::npos) return {};
  const std::size_t bytes = end + kHeadEnd.size();
  if (bytes > kHeadBytesMax) return refuse(bytes, 431);
  std::optional<Head> head = parse_head(received.substr(0, bytes));
  if (!head) return refuse(bytes, 400);
  head->request.remote_address = client.address;
  head->request.authenticated = client.verified;
  const bool keep = head->keep && !head->body && !client.last;
  const bool with_body = head->request.method != "HEAD";
  const HttpResponse response = answer_or_500(handler, head->request);
  return {.consumed = bytes,
          .answer = render(response, keep, with_body),
          .close = !keep,
          .unread = head->body};
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
  options.too_slow = last_words(408);
  options.too_large = last_words(431);
  return options;
}

}  // namespace rpoguard::serve
