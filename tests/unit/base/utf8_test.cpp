#include "exporter/base/utf8.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

TEST(Utf8, code_points_are_read_strictly) {
  struct Row {
    std::string_view text;
    std::optional<char32_t> expected;
  };
  using namespace std::string_view_literals;
  for (const Row& row : std::vector<Row>{{"a"sv, U'a'},
                                         {"\xC3\xBC"sv, U'\u00FC'},
                                         {"\xE2\x82\xAC"sv, U'\u20AC'},
                                         {"\xF0\x9F\x90\x98"sv, U'\U0001F418'},
                                         {"\x80"sv, std::nullopt},
                                         {"\xC0\x80"sv, std::nullopt},
                                         {"\xC3"sv, std::nullopt},
                                         {"\xC3("sv, std::nullopt},
                                         {"\xE0\x80\x80"sv, std::nullopt},
                                         {"\xED\xA0\x80"sv, std::nullopt},
                                         {"\xF4\x90\x80\x80"sv, std::nullopt},
                                         {"\xFF"sv, std::nullopt}}) {
    std::size_t position = 0;
    EXPECT_EQ(next_code_point(row.text, position), row.expected);
    EXPECT_EQ(position, row.expected ? row.text.size() : 0);
  }
}

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

TEST(Utf8, characters_are_counted_and_stray_bytes_with_them) {
  EXPECT_EQ(count_characters(""), 0U);
  EXPECT_EQ(count_characters("gr\xC3\xBC\xC3\x9F"), 4U);
  EXPECT_EQ(count_characters("a\xFF\xE2\x82"), 4U);
}

TEST(Utf8, what_is_shown_hides_what_nobody_may_see_and_is_cut_between_characters) {
  const auto no_x = [](char32_t code) { return code == 'x'; };
  EXPECT_EQ(show("a\xFFxb", 10, no_x).text, "a??b");
  EXPECT_FALSE(show("abcd", 4, no_x).cut);
  EXPECT_TRUE(show("abcde", 4, no_x).cut);
  EXPECT_EQ(show("abc\xC3\xBC"
                 "d",
                 4, no_x)
                .text,
            "abc")
      << "nothing follows the cut";
}

// What a terminal takes for an order, hides, or turns around.
TEST(Utf8, foreign_text_can_only_be_seen) {
  const std::vector<Pair> rows{
      {"Zo\xC3\xAB O'Brien", "Zo\xC3\xAB O'Brien"},
      {"M\xFCller", "M?ller"},                        // LATIN1
      {"M\xC3", "M?"},                                // cut in the middle
      {"\x1b]0;owned\x07\x1b[2J", "?]0;owned??[2J"},  // orders
      {"\xC2\x9B"
       "2J",
       "?2J"},  // the same in C1
      {"a\nb\tc\x7F", "a?b?c?"},
      {"\xE2\x80\xAE"
       "nepo\xE2\x80\xAC",
       "?nepo?"},                                     // right-to-left override
      {"\xE2\x81\xA6x\xE2\x81\xA9\xD8\x9C", "?x??"},  // isolates, Arabic letter mark
      {"iad\xE2\x80\x8B", "iad?"},                    // no width
      {"a\xE2\x80\xA8"
       "b",
       "a?b"},  // line separator
      {std::string("a\0b", 3), "a?b"},
  };
  for (const Pair& row : rows) EXPECT_EQ(foreign_text(row.given, 100), row.expected) << row.given;
  EXPECT_EQ(foreign_text("abc\xC3\xBC", 4), "abc");
  EXPECT_EQ(foreign_text(std::string(10'000, '\xFF'), 240).size(), 240U);
}

}  // namespace
}  // namespace rpoguard::base
