#include "exporter/core/model/url.hpp"

#include "exporter/base/percent.hpp"

namespace rpoguard::core {
namespace {

Url split(std::string_view text) {
  const auto url = split_url(text);
  EXPECT_TRUE(url.ok()) << text << ": " << url.error().message;
  return url.ok() ? url.value() : Url{};
}

TEST(CoreUrl, parts_are_taken_as_they_stand) {
  EXPECT_EQ(split("http://a"), (Url{.tls = false, .host = "a", .port = 80, .target = "/"}));
  EXPECT_EQ(
      split("https://meta.example.com/v1/map?shard=184"),
      (Url{.tls = true, .host = "meta.example.com", .port = 443, .target = "/v1/map?shard=184"}));
  EXPECT_EQ(split("http://10.0.0.1:8500?q"),
            (Url{.tls = false, .host = "10.0.0.1", .port = 8500, .target = "/?q"}));
  EXPECT_EQ(split("https://[fd00::1]:65535/%C3%BC/a;b=c,d@e:f!$&'()*+~"),
            (Url{.tls = true,
                 .host = "fd00::1",
                 .port = 65535,
                 .target = "/%C3%BC/a;b=c,d@e:f!$&'()*+~"}));
  EXPECT_EQ(split("http://[::1]"), (Url{.tls = false, .host = "::1", .port = 80, .target = "/"}));
}

TEST(CoreUrl, everything_else_is_refused_with_its_reason) {
  constexpr std::string_view kScheme = "does not start with http:// or https://";
  constexpr std::string_view kHost = "has no host name or address, or a bad port";
  constexpr std::string_view kEncode = "has a character that must be percent-encoded";
  constexpr std::string_view kUser = "has a user or a password before the host";
  const std::vector<std::pair<std::string, std::string_view>> cases{
      {"", kScheme},
      {"a", kScheme},
      {"ftp://a/", kScheme},
      {"HTTP://a/", kScheme},
      {" http://a/", kScheme},
      {"http:/a", kScheme},
      {"http://", kHost},
      {"http:///a", kHost},
      {"http://:80/", kHost},
      {"http://a:/", kHost},
      {"http://a:0/", kHost},
      {"http://a:080/", kHost},
      {"http://a:65536/", kHost},
      {"http://a:8x/", kHost},
      {"http://a:-1/", kHost},
      {"http://a b/", kHost},
      {"http://-a/", kHost},
      {"http://.a/", kHost},
      {"http://a%41/", kHost},
      {"http://a~b/", kHost},
      {"http://\xC3\xBC/", kHost},
      {"http://::1/", kHost},
      {"http://[::1/", kHost},
      {"http://[1:2]/", kHost},
      {"http://[::g]/", kHost},
      {"http://[::1]80/", kHost},
      {"http://[fe80::1%25eth0]/", kHost},
      {"http://" + std::string(254, 'a'), kHost},
      {"http://u:hunter2@a/", kUser},
      {"http://u@a", kUser},
      {"http://a/#b", "has a fragment (#)"},
      {"http://a#b", "has a fragment (#)"},
      {"http://a/b c", kEncode},
      {"http://a/{shard}", kEncode},
      {"http://a/%", kEncode},
      {"http://a/%4", kEncode},
      {"http://a/%4g", kEncode},
      {"http://a/\\b", kEncode},
      {"http://a/\r\nHost: b", kEncode},
      {"http://a/\xC3\xBC", kEncode},
      {std::string("http://a/\0", 10), kEncode},
  };
  for (const auto& [text, reason] : cases) {
    const auto url = split_url(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.error().message, reason) << text;
  }
}

TEST(CoreUrl, the_longest_name_is_a_host) {
  EXPECT_EQ(split("http://" + std::string(253, 'a')).host.size(), 253u);
}

TEST(CoreUrl, whatever_is_percent_encoded_may_stand_in_a_target) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string encoded = base::percent_encode(std::string(1, static_cast<char>(byte)));
    EXPECT_TRUE(split_url("http://a/" + encoded).ok()) << byte;
  }
}

}  // namespace
}  // namespace rpoguard::core
