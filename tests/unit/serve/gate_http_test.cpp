// HTTP on bytes: what is a request, what is not, and what becomes of the connection.
#include "exporter/serve/gate/gate_http.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include "exporter/serve/http/http_limits.hpp"

namespace rpoguard::test {
namespace {

using serve::Client;
using serve::Exchange;
using serve::HttpRequest;
using serve::HttpResponse;

HttpResponse echo(const HttpRequest& request) {
  HttpResponse response;
  response.body = request.method + " " + request.path + (request.path_cut ? " cut" : "");
  for (const auto& [key, value] : request.query) response.body += " " + key + "=" + value;
  for (const auto& [name, value] : request.headers) {
    if (name.starts_with("x-")) response.body += " " + name + ":" + value;
  }
  for (const std::string& name : request.repeated) response.body += " twice:" + name;
  if (request.path == "/from") response.body = request.remote_address;
  if (request.path == "/closed") response.status = 503;
  if (request.path == "/throw") throw std::runtime_error("secret password=abc");
  response.headers.emplace_back("Rpoguard-Gate", "open");
  return response;
}

Exchange say(const std::string& text, const Client& client = {}) {
  static const serve::Protocol protocol = serve::make_http_protocol(echo);
  return protocol(text, client);
}

std::string body_of(const Exchange& exchange) {
  return exchange.answer.substr(exchange.answer.find("\r\n\r\n") + 4);
}

bool has(const Exchange& exchange, const std::string& line) {
  return exchange.answer.find("\r\n" + line + "\r\n") != std::string::npos;
}

int status_of(const Exchange& exchange) {
  return exchange.answer.starts_with("HTTP/1.1 ") ? std::stoi(exchange.answer.substr(9, 3)) : 0;
}

TEST(GateHttp, a_request_is_answered_and_the_connection_kept) {
  const std::string text = "GET /a%20b?x=1&y=a=b HTTP/1.1\r\nHost: h\r\nX-One: 1 \r\n\r\n";
  const Exchange exchange = say(text, {"10.0.0.9", false});
  EXPECT_EQ(exchange.consumed, text.size());
  EXPECT_FALSE(exchange.close);
  EXPECT_EQ(exchange.answer,
            "HTTP/1.1 200 OK\r\n"
            "Cache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Accept-Ranges: none\r\n"
            "Connection: keep-alive\r\n"
            "Rpoguard-Gate: open\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 26\r\n"
            "\r\n"
            "GET /a b x=1 y=a=b x-one:1");
  EXPECT_EQ(body_of(say("GET /from HTTP/1.1\r\n\r\n", {"10.0.0.9", false})), "10.0.0.9");
}

TEST(GateHttp, nothing_is_answered_before_the_head_is_whole) {
  const std::string text = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
    const Exchange exchange = say(text.substr(0, bytes));
    EXPECT_EQ(exchange.consumed, 0U) << bytes;
    EXPECT_TRUE(exchange.answer.empty() && !exchange.close) << bytes;
  }
}

TEST(GateHttp, requests_that_come_together_are_taken_one_by_one) {
  const std::string first = "GET /1 HTTP/1.1\r\n\r\n";
  const Exchange exchange = say(first + "GET /2 HTTP/1.1\r\n\r\n");
  EXPECT_EQ(exchange.consumed, first.size());
  EXPECT_EQ(body_of(exchange), "GET /1");
}

TEST(GateHttp, who_wants_the_connection_closed_gets_it_closed) {
  struct Row {
    const char* head;
    bool keep;
  };
  for (const Row& row :
       {Row{"GET / HTTP/1.1\r\n", true}, Row{"GET / HTTP/1.1\r\nConnection: close\r\n", false},
        Row{"GET / HTTP/1.1\r\nCONNECTION: Keep-Alive, Close\r\n", false},
        Row{"GET / HTTP/1.1\r\nConnection: close\r\nConnection: keep-alive\r\n", false},
        Row{"GET / HTTP/1.1\r\nConnection: closed\r\n", true}, Row{"GET / HTTP/1.0\r\n", false},
        Row{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", true},
        Row{"GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n", false},
        Row{"GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: CLOSE\r\n", false},
        Row{"GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n", false}}) {
    const Exchange exchange = say(std::string(row.head) + "\r\n");
    EXPECT_EQ(status_of(exchange), 200) << row.head;
    EXPECT_EQ(exchange.close, !row.keep) << row.head;
    EXPECT_EQ(has(exchange, "Connection: keep-alive"), row.keep) << row.head;
    EXPECT_EQ(has(exchange, "Connection: close"), !row.keep) << row.head;
  }
  const Exchange last = say("GET / HTTP/1.1\r\n\r\n", {"", true});
  EXPECT_TRUE(last.close && has(last, "Connection: close"));
}

TEST(GateHttp, head_has_the_headers_of_get_and_no_body) {
  const Exchange head = say("HEAD /abc HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(has(head, "Content-Length: 9"));
  EXPECT_EQ(body_of(head), "");
  EXPECT_FALSE(head.close);
}

// What follows such a head must not be taken for a request of its own.
TEST(GateHttp, a_body_is_not_read_and_ends_the_connection) {
  for (const char* header :
       {"Content-Length: 5", "content-length: 5, 5", "Content-Length: 99999999999999999",
        "Transfer-Encoding: chunked", "TRANSFER-ENCODING: identity", "Transfer-Encoding:"}) {
    const Exchange exchange = say("POST /p HTTP/1.1\r\n" + std::string(header) + "\r\n\r\nGET /");
    EXPECT_EQ(status_of(exchange), 200) << header;
    EXPECT_EQ(body_of(exchange), "POST /p") << header;
    EXPECT_TRUE(exchange.close && exchange.unread) << header;
  }
  const Exchange none = say("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(status_of(none), 200);
  EXPECT_FALSE(none.close);
}

// RFC 9112, 6.3: a length that is none, or several, is answered with 400 and the end.
TEST(GateHttp, a_body_of_which_nobody_can_tell_the_end_is_refused) {
  for (const char* header :
       {"Content-Length: 0, 5", "Content-Length: +0", "Content-Length: -1", "Content-Length: 0x5",
        "Content-Length: x", "Content-Length:", "Content-Length: 99999999999999999999",
        "Content-Length: 0\r\nContent-Length: 44",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5"}) {
    const std::string head = "POST /p HTTP/1.1\r\n" + std::string(header) + "\r\n\r\n";
    const Exchange exchange = say(head + "GET /x HTTP/1.1\r\n\r\n");
    EXPECT_EQ(status_of(exchange), 400) << header;
    EXPECT_TRUE(exchange.close && exchange.unread) << header;
    EXPECT_EQ(exchange.consumed, head.size()) << header;
  }
}

TEST(GateHttp, every_method_and_any_path_reach_the_handler) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI",
                             "PROPFIND", "M-SEARCH", "get"}) {
    EXPECT_EQ(body_of(say(std::string(method) + " /p HTTP/1.1\r\nRange: bytes=0-4\r\n\r\n")),
              std::string(method) + " /p");
  }
  const Exchange cut = say("GET /" + std::string(20000, 'a') + " HTTP/1.1\r\n\r\n");
  EXPECT_EQ(status_of(cut), 200);
  EXPECT_TRUE(body_of(cut).ends_with("aaa cut"));
}

TEST(GateHttp, headers_are_lower_case_and_the_first_of_each) {
  EXPECT_EQ(body_of(say("GET / HTTP/1.1\r\nX-One: 1\r\nx-one: 2\r\nX-TWO:\t3 \r\n\r\n")),
            "GET / x-one:1 x-two:3 twice:x-one");
}

TEST(GateHttp, the_absolute_form_of_a_target_is_taken_apart) {
  EXPECT_EQ(body_of(say("GET http://rpoguard:10188/gate/184?x=1 HTTP/1.1\r\n\r\n")),
            "GET /gate/184 x=1");
}

TEST(GateHttp, what_is_no_request_is_refused_and_the_connection_ends) {
  using namespace std::string_literals;
  for (const std::string& text : {"\r\n\r\n"s,
                                  "hello\r\n\r\n"s,
                                  "GET\r\n\r\n"s,
                                  "GET /\r\n\r\n"s,
                                  "GET  HTTP/1.1\r\n\r\n"s,
                                  "GET / HTTP/9.9\r\n\r\n"s,
                                  "GET / HTTP/1.1 \r\n\r\n"s,
                                  "GET / x HTTP/1.1\r\n\r\n"s,
                                  "G\x01T / HTTP/1.1\r\n\r\n"s,
                                  "GET /\x7F HTTP/1.1\r\n\r\n"s,
                                  "GET /\0 HTTP/1.1\r\n\r\n"s,
                                  "PRI * HTTP/2.0\r\n\r\n"s,
                                  " GET / HTTP/1.1\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\nno colon\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\n: x\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\nA:\r\n b\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\nA: b\r\n \r\n\r\n"s,
                                  "GET / HTTP/1.1\r\n A: b\r\n\r\n"s,
                                  "G!T / HTTP/1.1\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\n\rA: b\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\nA: b\nContent-Length: 5\r\n\r\n"s,
                                  "GET / HTTP/1.1\nHost: x\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\nA: \0\r\n\r\n"s,
                                  "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n"s}) {
    const Exchange exchange = say(text);
    EXPECT_EQ(status_of(exchange), 400) << text;
    EXPECT_TRUE(exchange.close && exchange.unread) << text;
    EXPECT_EQ(exchange.consumed, text.size()) << text;
  }
}

TEST(GateHttp, a_large_head_is_refused) {
  const std::string start = "GET / HTTP/1.1\r\nX: ";
  const auto of_size = [&](std::size_t bytes) {
    return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(status_of(say(of_size(serve::kHeadBytesMax))), 200);
  EXPECT_EQ(status_of(say(of_size(serve::kHeadBytesMax + 1))), 431);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(status_of(say(many + "\r\n")), 400);
}

TEST(GateHttp, exception_text_stays_inside) {
  const Exchange exchange = say("GET /throw HTTP/1.1\r\n\r\n");
  EXPECT_EQ(status_of(exchange), 500);
  EXPECT_EQ(body_of(exchange), "internal error\n");
  EXPECT_EQ(status_of(say("GET /closed HTTP/1.1\r\n\r\n")), 503);
}

}  // namespace
}  // namespace rpoguard::test
