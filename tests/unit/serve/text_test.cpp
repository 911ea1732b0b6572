#include "exporter/serve/http/text.hpp"

#include <gtest/gtest.h>

namespace rpoguard::serve {
namespace {

TEST(JsonString, escapes_what_must_be_escaped) {
  std::string out;
  append_json_string(out, "a\"b\\c\nd\x01\xFF/");
  EXPECT_EQ(out, "\"a\\\"b\\\\c\\u000ad\\u0001\xEF\xBF\xBD/\"");
}

TEST(Html, leaves_no_way_out_of_text_or_attribute) {
  EXPECT_EQ(escape_html("<a href=\"x\" b='y'>&\xFF"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\xEF\xBF\xBD");
}

TEST(HeaderSafe, keeps_printable_ascii_only) {
  EXPECT_EQ(header_safe("node-1\r\nSet-Cookie: x\xC3\xBC\x7F"), "node-1??Set-Cookie: x???");
}

TEST(Number, is_the_shortest_that_reads_back) {
  const auto text = [](double value) {
    std::string out;
    append_number(out, value);
    return out;
  };
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(-4.3), "-4.3");
  EXPECT_EQ(text(1767225599.5), "1767225599.5");
  EXPECT_EQ(text(9007199254740991.0), "9007199254740991");
}

}  // namespace
}  // namespace rpoguard::serve
