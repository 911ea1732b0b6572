#include "exporter/base/text.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

TEST(Text, only_ascii_letters_change_their_case) {
  EXPECT_EQ(lower("RPOGuard-09_\xC3\x9C@[`{"), "rpoguard-09_\xC3\x9C@[`{");
  EXPECT_TRUE(equals_ignoring_case("Host", "hOST"));
  EXPECT_FALSE(equals_ignoring_case("Host", "Hos"));
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
  EXPECT_TRUE(starts_with_ignoring_case("BASIC abc", "Basic "));
  EXPECT_TRUE(starts_with_ignoring_case("x", ""));
  EXPECT_FALSE(starts_with_ignoring_case("Bas", "Basic "));
}

TEST(Text, kinds_of_characters) {
  std::string digits, letters, hex_digits, small, capital;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (is_digit(c)) digits += c;
    if (is_letter(c)) letters += c;
    if (is_hex_digit(c)) hex_digits += c;
    if (is_lower_letter(c)) small += c;
    if (is_upper_letter(c)) capital += c;
  }
  EXPECT_EQ(digits, "0123456789");
  EXPECT_EQ(letters, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(hex_digits, "0123456789ABCDEFabcdef");
  EXPECT_EQ(capital + small, letters);
}

TEST(Text, only_small_letters_become_capital) {
  EXPECT_EQ(upper("az AZ 09 {`\xC3\xA4"), "AZ AZ 09 {`\xC3\xA4");
}

TEST(Text, loses_the_blanks_around_it) {
  EXPECT_EQ(trim(" \t\r\n a b \f\v"), "a b");
  EXPECT_EQ(trim_front("  a "), "a ");
  EXPECT_EQ(trim_back("  a "), "  a");
  EXPECT_EQ(trim("\ta\t", " "), "\ta\t");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, is_taken_apart_at_a_separator) {
  const auto pieces = [](std::string_view text) {
    std::vector<std::string_view> all;
    while (!text.empty()) all.push_back(take_until(text, ','));
    return all;
  };
  using Pieces = std::vector<std::string_view>;
  EXPECT_EQ(pieces(""), Pieces{});
  EXPECT_EQ(pieces("a"), Pieces{"a"});
  EXPECT_EQ(pieces("a,b"), (Pieces{"a", "b"}));
  EXPECT_EQ(pieces(",a,,b,"), (Pieces{"", "a", "", "b"}));
}

TEST(Text, has_words_of_letters_and_digits) {
  for (const char* text : {"epoch", "EPOCH", "amp;Epoch", ";epoch", "epoch[]", "a epoch b"})
    EXPECT_TRUE(has_word(text, "epoch")) << text;
  for (const char* text : {"", "epochs", "my2epoch", "ep-och", ";", "epoc"})
    EXPECT_FALSE(has_word(text, "epoch")) << text;
}

TEST(Text, marks_are_replaced_once) {
  EXPECT_EQ(replace_all("@a@, @a@ and @b@", "@a@", "x@a@"), "x@a@, x@a@ and @b@");
  EXPECT_EQ(replace_all("nothing", "@a@", "x"), "nothing");
  EXPECT_EQ(replace_all("", "a", "b"), "");
  EXPECT_EQ(replace_all("aaa", "aa", ""), "a");
}

}  // namespace
}  // namespace rpoguard::base
