#include "exporter/serve/text.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace rpoguard::serve {
namespace {

using namespace std::chrono_literals;

struct Pair {
  std::string given;
  std::string expected;
};

TEST(Utf8, bytes_outside_any_character_become_the_replacement_character) {
  const std::string r = "\xEF\xBF\xBD";
  const std::vector<Pair> rows{
      {"", ""},
      {"plain", "plain"},
      {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
      {"\xE2\x82\xAC \xF0\x9F\x98\x80", "\xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"db=\xFF", "db=" + r},
      {"\x80x", r + "x"},
      {"cut \xE2\x82", "cut " + r + r},
      {"\xC0\xAF", r + r},                  // overlong
      {"\xE0\x80\xAF", r + r + r},          // overlong
      {"\xED\xA0\x80", r + r + r},          // surrogate
      {"\xF4\x90\x80\x80", r + r + r + r},  // beyond U+10FFFF
      {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
      {std::string("a\0b", 3), std::string("a\0b", 3)},
  };
  for (const Pair& row : rows) EXPECT_EQ(sanitize_utf8(row.given), row.expected) << row.given;
}

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

TEST(PercentEncode, leaves_unreserved_characters_alone) {
  EXPECT_EQ(percent_encode("a-B_9.~ /%\xFF"), "a-B_9.~%20%2f%25%ff");
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

TEST(Time, is_rendered_in_utc_with_milliseconds) {
  EXPECT_EQ(render_time(core::WallTime(1'767'225'600s)), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(render_time(core::WallTime(1'709'210'096'789'999us)), "2024-02-29T12:34:56.789Z");
}

TEST(Time, before_1970_is_still_a_date) {
  EXPECT_EQ(render_time(core::WallTime(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(Short, picks_a_unit_a_person_would_use) {
  EXPECT_EQ(render_short(700ms), "0.7 s");
  EXPECT_EQ(render_short(42s), "42 s");
  EXPECT_EQ(render_short(-3s), "-3.0 s");
  EXPECT_EQ(render_short(5min), "5.0 min");
  EXPECT_EQ(render_short(5h), "5.0 h");
  EXPECT_EQ(render_short(96h), "4.0 d");
}

TEST(Bytes, pick_a_unit_a_person_would_use) {
  EXPECT_EQ(render_bytes(0), "0 B");
  EXPECT_EQ(render_bytes(-512), "-512 B");
  EXPECT_EQ(render_bytes(1536), "1.5 KiB");
  EXPECT_EQ(render_bytes(16'777'216), "16 MiB");
  EXPECT_EQ(render_bytes(INT64_MAX), "8388608 TiB");
}

}  // namespace
}  // namespace rpoguard::serve
