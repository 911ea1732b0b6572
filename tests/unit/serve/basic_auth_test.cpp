#include "exporter/serve/basic_auth.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/certificates.hpp"

namespace rpoguard::test {
namespace {

using serve::BasicAuth;
using Verdict = BasicAuth::Verdict;

// Of "sesame" as well, at a cost that can be told from a memory.
constexpr const char* kDearHash = "$2b$10$abcdefghijklmnopqrstuuYoA/Ig5dOcHJ1Uzls.zCgSC7r9v4W76";

class BasicAuthTest : public ::testing::Test {
 protected:
  Verdict ask(const std::string& authorization) { return auth_.check(users_, authorization); }
  std::chrono::nanoseconds time_of(const std::string& authorization) {
    const auto start = std::chrono::steady_clock::now();
    ask(authorization);
    return std::chrono::steady_clock::now() - start;
  }
  BasicAuth::Users users_{{"jo", kSesameHash}};
  BasicAuth auth_;
};

constexpr const char* kJoSesame = "Basic am86c2VzYW1l";
constexpr const char* kJoOpen = "Basic am86b3Blbg==";
constexpr const char* kAnaSesame = "Basic YW5hOnNlc2FtZQ==";

TEST_F(BasicAuthTest, lets_in_who_knows_the_password_each_time) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ask(kJoSesame), Verdict::right);
    EXPECT_EQ(ask(kJoOpen), Verdict::wrong);
    EXPECT_EQ(ask(kAnaSesame), Verdict::wrong);
  }
  EXPECT_EQ(ask("bAsIc am86c2VzYW1l"), Verdict::right) << "RFC 9110: in either case";
}

TEST_F(BasicAuthTest, takes_nothing_else_for_credentials) {
  for (const std::string text : {"", "Basic", "Basic ", "Basic am86", "Basic !!!!",
                                 "Basic am86c2VzYW1l=", "Basic ====", "Bearer am86c2VzYW1l",
                                 "am86c2VzYW1l", "Basic  am86c2VzYW1l=", "Basic am86c2VzYW1lAA=="})
    EXPECT_EQ(ask(text), Verdict::wrong) << text;
  EXPECT_EQ(ask("Basic " + std::string(2000, 'A')), Verdict::wrong);
}

TEST_F(BasicAuthTest, a_changed_hash_is_a_new_question) {
  EXPECT_EQ(ask(kJoSesame), Verdict::right);
  users_["jo"] = std::string(kSesameHash).substr(0, 59) + "X";
  EXPECT_EQ(ask(kJoSesame), Verdict::wrong);
  users_.erase("jo");
  EXPECT_EQ(ask(kJoSesame), Verdict::wrong);
  users_["jo"] = kSesameHash;
  EXPECT_EQ(ask(kJoSesame), Verdict::right);
}

TEST_F(BasicAuthTest, every_dialect_of_bcrypt_is_understood) {
  for (const char* dialect : {"$2a$", "$2b$", "$2y$"}) {
    users_["jo"] = dialect + std::string(kSesameHash).substr(4);
    EXPECT_EQ(ask(kJoSesame), Verdict::right) << dialect;
    EXPECT_EQ(ask(kJoOpen), Verdict::wrong) << dialect;
  }
  EXPECT_FALSE(serve::bcrypt_matches("sesame", ""));
  EXPECT_FALSE(serve::bcrypt_matches("sesame", "*0"));
}

TEST_F(BasicAuthTest, verdicts_are_remembered_and_an_unknown_user_costs_a_wrong_password) {
  users_["jo"] = kDearHash;
  const auto right = time_of(kJoSesame);
  const auto again = time_of(kJoSesame);
  const auto wrong = time_of(kJoOpen);
  const auto unknown = time_of(kAnaSesame);
  EXPECT_LT(again, right / 5);
  EXPECT_LT(time_of(kJoOpen), wrong / 5);
  EXPECT_LT(time_of(kAnaSesame), unknown / 5);
  EXPECT_GT(unknown, wrong / 4);
  EXPECT_LT(unknown, wrong * 4);
}

TEST_F(BasicAuthTest, who_guesses_does_not_push_out_who_knows_nor_take_every_thread) {
  users_["jo"] = kDearHash;
  ASSERT_EQ(ask(kJoSesame), Verdict::right);
  std::array<Verdict, 12> verdicts{};
  std::vector<std::thread> guessers;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    guessers.emplace_back([&, i] {
      const char letter = static_cast<char>('a' + i);
      verdicts[i] = ask("Basic am86" + std::string(4, letter));
    });
  }
  for (std::thread& guesser : guessers) guesser.join();
  EXPECT_EQ(std::ranges::count(verdicts, Verdict::right), 0);
  EXPECT_GE(std::ranges::count(verdicts, Verdict::busy), 1);
  EXPECT_EQ(ask(kJoSesame), Verdict::right);
}

}  // namespace
}  // namespace rpoguard::test
