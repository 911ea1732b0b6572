#include "exporter/base/percent.hpp"

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

TEST(Percent, encoding_leaves_only_unreserved_characters) {
  EXPECT_EQ(percent_encode(""), "");
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a/b?c=d&e%\xC3\xBC\xFF"), "a%2Fb%3Fc%3Dd%26e%25%C3%BC%FF");
}

TEST(Percent, encoding_in_lower_case_and_with_other_characters_kept) {
  EXPECT_EQ(percent_encode("a-B_9.~ /%\xFF", {.lower_case = true}), "a-B_9.~%20%2f%25%ff");
  EXPECT_EQ(percent_encode("a-b_c.d~/", {.kept = "-_"}), "a-b_c%2Ed%7E%2F");
}

TEST(Percent, decoding_leaves_what_is_not_encoded) {
  EXPECT_EQ(percent_decode("a%2Fb+%c3%BC"), "a/b+\xC3\xBC");
  EXPECT_EQ(percent_decode("e+f%20g%2B", true), "e f g+");
  for (const char* text : {"", "%", "%4", "%zz", "%-1", "%+1", "%4g", "100%"})
    EXPECT_EQ(percent_decode(text), text);
}

TEST(Percent, decoding_undoes_encoding) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    EXPECT_EQ(percent_decode(percent_encode(text)), text) << byte;
    EXPECT_EQ(percent_decode(percent_encode(text, {.lower_case = true}), true), text) << byte;
  }
}

}  // namespace
}  // namespace rpoguard::base
