#include "exporter/observe/postgres/pg_params.hpp"

#include <map>

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

using namespace std::chrono_literals;

core::ConnectSpec spec_of(const std::string& host, const std::string& sslmode) {
  core::ConnectSpec spec;
  spec.host = host;
  spec.user = "rg";
  spec.sslmode = sslmode;
  return spec;
}

std::map<std::string, std::string> as_map(const ConnectParams& params) {
  return {params.begin(), params.end()};
}

TEST(pg_params, nothing_is_left_to_defaults_of_the_machine) {
  const auto params =
      as_map(connect_params(spec_of("db1", "disable"), "10.0.0.1", {"secret"}, 800ms));
  EXPECT_EQ(params.at("host"), "db1");
  EXPECT_EQ(params.at("hostaddr"), "10.0.0.1");
  EXPECT_EQ(params.at("user"), "rg");
  EXPECT_EQ(params.at("password"), "secret");
  EXPECT_EQ(params.at("gssencmode"), "disable");
  EXPECT_EQ(params.at("sslmode"), "disable");
  EXPECT_EQ(params.at("application_name"), "rpoguard");
  EXPECT_EQ(params.at("client_encoding"), "UTF8");
  EXPECT_EQ(params.at("tcp_user_timeout"), "800");
  for (const char* file : {"passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl"})
    EXPECT_TRUE(params.at(file).starts_with("/nonexistent/")) << file;
}

TEST(pg_params, a_socket_directory_has_no_address_and_no_tls) {
  const auto params =
      as_map(connect_params(spec_of("/run/postgresql", "verify-full"), "", {}, 800ms));
  EXPECT_EQ(params.at("host"), "/run/postgresql");
  EXPECT_FALSE(params.contains("hostaddr"));
  EXPECT_FALSE(params.contains("password"));
  EXPECT_EQ(params.at("sslmode"), "disable");
}

TEST(pg_params, configured_tls_files_are_used) {
  core::ConnectSpec spec = spec_of("db1", "verify-full");
  spec.sslrootcert = "/ca";
  spec.sslcert = "/c";
  spec.sslkey = "/k";
  const auto params = as_map(connect_params(spec, "10.0.0.1", {}, 800ms));
  EXPECT_EQ(params.at("sslmode"), "verify-full");
  EXPECT_EQ(params.at("sslrootcert"), "/ca");
  EXPECT_EQ(params.at("sslcert"), "/c");
  EXPECT_EQ(params.at("sslkey"), "/k");
}

TEST(pg_params, secrets_of_every_kind_are_passed_on) {
  core::ConnectSpec spec = spec_of("db1", "verify-full");
  spec.password.passfile = "/pgpass";
  spec.channel_binding = "require";
  const auto params = as_map(connect_params(spec, "10.0.0.1", {"", "open sesame"}, 800ms));
  EXPECT_EQ(params.at("passfile"), "/pgpass");
  EXPECT_EQ(params.at("sslpassword"), "open sesame");
  EXPECT_EQ(params.at("channel_binding"), "require");
}

// libpq's own require goes on without verifying when the file is gone.
TEST(pg_params, a_root_certificate_is_never_given_in_vain) {
  core::ConnectSpec spec = spec_of("db1", "require");
  EXPECT_EQ(as_map(connect_params(spec, "10.0.0.1", {}, 800ms)).at("sslmode"), "require");
  spec.sslrootcert = "/ca";
  EXPECT_EQ(as_map(connect_params(spec, "10.0.0.1", {}, 800ms)).at("sslmode"), "verify-ca");
}

}  // namespace
}  // namespace rpoguard::observe
