#include "exporter/config/text.hpp"

#include <array>

namespace rpoguard::config {
namespace {

TEST(ConfigText, blemishes_are_found_where_they_are) {
  EXPECT_FALSE(find_blemish("a: b\tc\r\n  d: \xC3\xBC\n"));
  EXPECT_EQ(find_blemish("a:\n \tb").value().offset, 4u);
  EXPECT_EQ(find_blemish("ab\rc").value().offset, 2u);
  EXPECT_EQ(find_blemish("ab\x7F").value().offset, 2u);
  EXPECT_EQ(find_blemish("\xC2\x85").value().offset, 0u);
  EXPECT_EQ(find_blemish(std::string_view("a\0b", 3)).value().offset, 1u);
}

TEST(ConfigText, names_that_look_alike_cannot_be_made_with_invisible_characters) {
  for (const std::string_view text : {"a", "a b", "s\u00FCd", "\xF0\x9F\x90\x98"}) {
    EXPECT_TRUE(is_printable(text)) << text;
  }
  for (const std::string_view text :
       {"a\n", "\xC2\xA0", "a\xC2\xAD", "\xE2\x80\x8B", "\xE2\x80\xAE", "\xEF\xBB\xBF", "\xFF"}) {
    EXPECT_FALSE(is_printable(text)) << text;
  }
}

TEST(ConfigText, excerpts_are_short_and_on_one_line) {
  EXPECT_EQ(render_excerpt("a\nb\xFF\xE2\x80\xAE"), "a?b??");
  const std::string full(64, 'x');
  EXPECT_EQ(render_excerpt(full), full);
  EXPECT_EQ(render_excerpt(full + "x"), full + "...");
  const std::string nearly_full(63, 'x');
  EXPECT_EQ(render_excerpt(nearly_full + "\xC3\xBC"), nearly_full + "...");
}

TEST(ConfigText, only_slips_of_the_keyboard_are_guessed) {
  constexpr std::array<std::string_view, 4> kWords{"interval", "timeout", "rpo", "rto"};
  EXPECT_EQ(nearest("intervall", kWords), "interval");
  EXPECT_EQ(nearest("time_out", kWords), "timeout");
  EXPECT_EQ(nearest("rpp", kWords), "rpo");
  EXPECT_EQ(nearest("host", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest(std::string(100'000, 'i'), kWords), "");
}

TEST(ConfigText, the_id_takes_the_place_of_every_shard) {
  EXPECT_EQ(replace_shard("", "a"), "");
  EXPECT_EQ(replace_shard("/{shard}/x{shard}", "a"), "/a/xa");
  EXPECT_EQ(replace_shard("{shard", "a"), "{shard");
  EXPECT_EQ(replace_shard("{{shard}}", "a"), "{a}");
  EXPECT_EQ(replace_shard("{shard}{shard}", "{shard}"), "{shard}{shard}");
}

TEST(ConfigText, only_short_plain_words_are_repeated_in_messages) {
  for (const char* shown : {"", "5s", "-1", "1 s", "[::1]:10187", "0.0.0.0:99999", "verify_full"})
    EXPECT_TRUE(is_plain_word(shown)) << shown;
  for (const char* hidden : {"http://u:p@h", "a/b", "a=b", "p&ss", "a\tb", "caf\xC3\xA9",
                             "a-word-that-is-too-long-to-be-one"})
    EXPECT_FALSE(is_plain_word(hidden)) << hidden;
}

}  // namespace
}  // namespace rpoguard::config
