#include "exporter/notify/sign.hpp"

#include <gtest/gtest.h>

namespace rpoguard::notify {
namespace {

// Published with the reference libraries of Standard Webhooks.
constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kTime = 1614265330;
constexpr const char* kBody = R"({"test": 2432232314})";
constexpr const char* kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

std::vector<SigningKey> keys(const std::string& text) {
  const auto parsed = parse_signing_keys(text);
  EXPECT_TRUE(parsed.ok());
  return parsed.ok() ? parsed.value() : std::vector<SigningKey>{};
}

TEST(Sign, gives_the_published_signature) {
  EXPECT_EQ(sign(keys(kSecret), kId, kTime, kBody), kSignature);
}

TEST(Sign, covers_id_time_and_body) {
  const auto secret = keys(kSecret);
  EXPECT_NE(sign(secret, "msg_other", kTime, kBody), kSignature);
  EXPECT_NE(sign(secret, kId, kTime + 1, kBody), kSignature);
  EXPECT_NE(sign(secret, kId, kTime, std::string(kBody) + " "), kSignature);
}

TEST(Sign, signs_with_both_secrets_while_one_is_replaced) {
  const std::string other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const std::string both = std::string(kSecret) + "\r\n\n" + other + "\n";
  EXPECT_EQ(sign(keys(both), kId, kTime, kBody),
            std::string(kSignature) + " " + sign(keys(other), kId, kTime, kBody));
}

TEST(SigningKeys, are_refused_without_repeating_them) {
  for (const char* bad :
       {"", "\n", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8GKYqrTwjU PD8ILPZIo2LaLaS",
        "whsec_plJ3nmyCDGBKInavdOK15jsl",
        "whsec_====", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nnonsense"}) {
    const auto parsed = parse_signing_keys(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().message.find("MfKQ"), std::string::npos);
  }
  EXPECT_FALSE(parse_signing_keys("whsec_" + std::string(92, 'A')).ok()) << "more than 64 bytes";
  EXPECT_TRUE(parse_signing_keys("whsec_" + std::string(86, 'A') + "==").ok()) << "64 bytes";
}

}  // namespace
}  // namespace rpoguard::notify
