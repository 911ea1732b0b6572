#include "exporter/serve/http/basic_auth.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/certificates.hpp"
#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using serve::BasicAuth;
using Verdict = BasicAuth::Verdict;

// Of "sesame" as well, at a cost that can be told from a memory.
constexpr const char* kDearHash = "$2b$10$abcdefghijklmnopqrstuuYoA/Ig5dOcHJ1Uzls.zCgSC7r9v4W76";

class BasicAuthTest : public ::testing::Test {
 protected:
  Verdict ask(const std::string& authorization, const std::string& client = "10.0.0.1") {
    return auth_.check(users_, authorization, client);
  }
  // The least of them: the machine has other things to do as well.
  std::chrono::nanoseconds time_of(const std::vector<std::string>& authorizations) {
    auto least = std::chrono::nanoseconds::max();
    for (const std::string& authorization : authorizations) {
      const auto start = std::chrono::steady_clock::now();
      ask(authorization);
      least = std::min<std::chrono::nanoseconds>(least, std::chrono::steady_clock::now() - start);
    }
    return least;
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
  // jo:open, jo:shut, jo:ajar; ana with the same.
  const std::vector<std::string> wrong{kJoOpen, "Basic am86c2h1dA==", "Basic am86YWphcg=="};
  const std::vector<std::string> unknown{
      "Basic YW5hOm9wZW4=", "Basic YW5hOnNodXQ=", "Basic YW5hOmFqYXI="};
  const auto right_once = time_of({kJoSesame});
  const auto wrong_once = time_of(wrong);
  const auto unknown_once = time_of(unknown);
  EXPECT_LT(time_of(std::vector<std::string>(5, kJoSesame)), right_once / 5);
  EXPECT_LT(time_of(wrong), wrong_once / 5);
  EXPECT_LT(time_of(unknown), unknown_once / 5);
  EXPECT_GT(unknown_once, wrong_once / 4);
  EXPECT_LT(unknown_once, wrong_once * 4);
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

// After a restart nobody is remembered.
TEST_F(BasicAuthTest, one_who_guesses_shuts_out_nobody_of_another_address) {
  users_["jo"] = kDearHash;
  std::atomic<int> refused{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> guessers;
  for (char first = 'a'; first < 'i'; ++first) {
    guessers.emplace_back([&, first] {
      for (int i = 0; !over; i = (i + 1) % 1000) {
        const std::string digits = std::to_string(1000 + i);
        const std::string guess = "Basic am86" + std::string(4, first) + digits;
        if (ask(guess) == Verdict::busy) ++refused;
      }
    });
  }
  EXPECT_TRUE(eventually(std::chrono::seconds(20), [&] { return refused > 100; }));
  EXPECT_EQ(ask(kJoSesame, "10.0.0.2"), Verdict::right);
  over = true;
  for (std::thread& guesser : guessers) guesser.join();
}

}  // namespace
}  // namespace rpoguard::test
