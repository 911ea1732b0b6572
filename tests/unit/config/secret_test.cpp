#include "exporter/config/secret.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

namespace rpoguard::config {
namespace {

class ConfigSecret : public testing::Test {
 protected:
  ConfigSecret() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rpoguard-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~ConfigSecret() override { std::filesystem::remove_all(directory_); }

  core::PasswordSource write(const std::string& content) const {
    std::ofstream(path(), std::ios::binary) << content;
    return {.file = path(), .env = ""};
  }
  std::string path() const { return directory_ + "/password"; }

 private:
  std::string directory_;
};

TEST_F(ConfigSecret, no_source_is_an_empty_secret) {
  const auto secret = read_password({});
  ASSERT_TRUE(secret.ok());
  EXPECT_TRUE(secret.value().empty());
}

TEST_F(ConfigSecret, one_trailing_newline_of_a_file_is_dropped) {
  struct Row {
    const char* content;
    const char* expected;
  };
  for (const Row& row :
       {Row{"hunter2", "hunter2"}, Row{"hunter2\n", "hunter2"}, Row{"hunter2\r\n", "hunter2"},
        Row{"hunter2\n\n", "hunter2\n"}, Row{" hunter2 ", " hunter2 "}}) {
    const auto secret = read_password(write(row.content));
    ASSERT_TRUE(secret.ok());
    EXPECT_EQ(secret.value().reveal(), row.expected);
  }
}

TEST_F(ConfigSecret, a_file_is_read_anew_each_time) {
  const auto source = write("old\n");
  ASSERT_TRUE(read_password(source).ok());
  write("new\n");
  EXPECT_EQ(read_password(source).value().reveal(), "new");
}

TEST_F(ConfigSecret, a_file_without_a_usable_password_is_an_error_that_names_it) {
  using namespace std::string_literals;
  for (const std::string& content : {""s, "\n"s, "hunter2\0x"s, std::string(5000, 'h')}) {
    const auto secret = read_password(write(content));
    ASSERT_FALSE(secret.ok());
    EXPECT_NE(secret.error().message.find(path()), std::string::npos);
    EXPECT_EQ(secret.error().message.find("hunter2"), std::string::npos);
  }
}

TEST_F(ConfigSecret, a_service_file_is_read_whole) {
  const std::string text = "[s]\npassword=p\n" + std::string(60000, '#') + "\n";
  write(text);
  const core::PasswordSource source{.file = "", .env = "", .service_file = path()};
  EXPECT_EQ(read_password(source).value().reveal(), text);
  write(std::string(65537, '#'));
  ASSERT_FALSE(read_password(source).ok());
  EXPECT_NE(read_password(source).error().message.find(path()), std::string::npos);
}

TEST_F(ConfigSecret, a_missing_file_is_an_error_with_the_reason) {
  const auto secret = read_password({.file = path(), .env = ""});
  ASSERT_FALSE(secret.ok());
  EXPECT_EQ(secret.error().message, "cannot read " + path() + ": No such file or directory");
}

TEST_F(ConfigSecret, a_pipe_in_the_place_of_the_file_does_not_block) {
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_FALSE(read_password({.file = path(), .env = ""}).ok());
}

TEST_F(ConfigSecret, the_environment_is_read_by_name) {
  const core::PasswordSource source{.file = "", .env = "RPOGUARD_TEST_PASSWORD"};
  ASSERT_EQ(unsetenv("RPOGUARD_TEST_PASSWORD"), 0);
  ASSERT_FALSE(read_password(source).ok());
  EXPECT_EQ(read_password(source).error().message,
            "environment variable RPOGUARD_TEST_PASSWORD is not set");
  ASSERT_EQ(setenv("RPOGUARD_TEST_PASSWORD", "hunter2", 1), 0);
  EXPECT_EQ(read_password(source).value().reveal(), "hunter2");
  ASSERT_EQ(unsetenv("RPOGUARD_TEST_PASSWORD"), 0);
}

}  // namespace
}  // namespace rpoguard::config
