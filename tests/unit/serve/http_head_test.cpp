#include "exporter/serve/http/http_head.hpp"

#include <gtest/gtest.h>

namespace rpoguard::serve {
namespace {

struct HeadRow {
  const char* head;
  const char* left;
  const char* method;
  bool range;
  bool body;
};

TEST(HttpHead, only_what_cpp_httplib_would_trip_over_is_withheld) {
  const std::vector<HeadRow> rows{
      {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET", false, false},
      {"PROPFIND /a b\r\nRange: x\r\n\r\n", "GET /a b\r\nXange: x\r\n\r\n", "PROPFIND", true,
       false},
      {"HEAD / H\r\nrANGE:x\r\nRange:y\r\n\r\n", "GET / H\r\nXANGE:x\r\nXange:y\r\n\r\n", "HEAD",
       true, false},
      {"POST / H\r\nContent-Length: 5\r\n\r\n", "GET / H\r\nContent-Length: 5\r\n\r\n", "POST",
       false, true},
      {"POST / H\r\nContent-Length: 0\r\n\r\n", "GET / H\r\nContent-Length: 0\r\n\r\n", "POST",
       false, false},
      {"POST / H\r\nContent-Length:\r\n\r\n", "GET / H\r\nContent-Length:\r\n\r\n", "POST", false,
       false},
      {"POST / H\r\ntransfer-encoding: chunked\r\n\r\n",
       "GET / H\r\ntransfer-encoding: chunked\r\n\r\n", "POST", false, true},
      {"GET / H\r\nX: Range: 1\r\nIf-Range: 2\r\n\r\n",
       "GET / H\r\nX: Range: 1\r\nIf-Range: 2\r\n\r\n", "GET", false, false},
      // Found by the fuzzer: cpp-httplib takes a bare line feed for the end of a line.
      {"GET / H\r\nX: 1\nRange: x\r\n\r\n", "GET / H\r\nX: 1\nXange: x\r\n\r\n", "GET", true,
       false},
      {"GET / H\r\nA: 1\r\na:2\r\nB:\r\nAb: 3\r\nA: 4\r\n\r\n",
       "GET / H\r\nA: 1\r\n~:2\r\nB:\r\nAb: 3\r\n~: 4\r\n\r\n", "GET", false, false},
      {"POST / H\r\nContent-Length: 0\r\ncontent-length: 5\r\n\r\n",
       "GET / H\r\nContent-Length: 0\r\n~ontent-length: 5\r\n\r\n", "POST", false, true},
      {"GET / H\r\nno header\nno header\r\n\r\n", "GET / H\r\nno header\nno header\r\n\r\n", "GET",
       false, false},
      {"G(T / H\r\nRange: x\r\n\r\n", "G(T / H\r\nRange: x\r\n\r\n", "", false, false},
      {" / H\r\n\r\n", " / H\r\n\r\n", "", false, false},
      {"nothing\r\n\r\n", "nothing\r\n\r\n", "", false, false},
      {"\r\n\r\n", "\r\n\r\n", "", false, false},
  };
  for (const HeadRow& row : rows) {
    std::string head = row.head;
    const Withheld withheld = withhold(head);
    EXPECT_EQ(head, row.left) << row.head;
    EXPECT_EQ(withheld.method, row.method) << row.head;
    EXPECT_EQ(withheld.range, row.range) << row.head;
    EXPECT_EQ(withheld.body, row.body) << row.head;
  }
}

}  // namespace
}  // namespace rpoguard::serve
