#include "exporter/observe/postgres/pg_service.hpp"

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

const std::vector<std::string> kAll{"dbname",      "user",    "sslmode", "channel_binding",
                                    "sslrootcert", "sslcert", "sslkey",  "sslpassword",
                                    "password",    "passfile"};

core::ConnectSpec spec_with(std::vector<std::string> fills = kAll) {
  core::ConnectSpec spec;
  spec.service = {"s", "/services", std::move(fills)};
  return spec;
}

Login login(const std::string& text, const core::ConnectSpec& spec = spec_with()) {
  auto outcome = with_service(spec, text);
  const auto* error = std::get_if<core::ProbeError>(&outcome);
  EXPECT_EQ(error, nullptr) << error->message;
  return error == nullptr ? std::get<Login>(std::move(outcome)) : Login{};
}

core::ProbeError problem(const std::string& text, const core::ConnectSpec& spec = spec_with()) {
  const auto outcome = with_service(spec, text);
  const auto* error = std::get_if<core::ProbeError>(&outcome);
  EXPECT_NE(error, nullptr) << text;
  return error == nullptr ? core::ProbeError{} : *error;
}

TEST(pg_service, every_keyword_reaches_its_place) {
  const Login all = login(
      "[s]\ndbname=d\nuser=u\npassword=p\npassfile=/pass\nsslmode=verify-full\nsslrootcert=/ca\n"
      "sslcert=/c\nsslkey=/k\nsslpassword=open sesame\nchannel_binding=require\n");
  EXPECT_EQ(all.spec.dbname, "d");
  EXPECT_EQ(all.spec.user, "u");
  EXPECT_EQ(all.secrets.password, "p");
  EXPECT_EQ(all.spec.password.passfile, "/pass");
  EXPECT_EQ(all.spec.sslmode, "verify-full");
  EXPECT_EQ(all.spec.sslrootcert, "/ca");
  EXPECT_EQ(all.spec.sslcert, "/c");
  EXPECT_EQ(all.spec.sslkey, "/k");
  EXPECT_EQ(all.secrets.key_passphrase, "open sesame");
  EXPECT_EQ(all.spec.channel_binding, "require");
}

TEST(pg_service, what_the_configuration_has_written_stays) {
  core::ConnectSpec spec = spec_with({"password"});
  spec.sslmode = "require";
  const Login mixed = login("[s]\nuser=u\nsslmode=disable\npassword=p", spec);
  EXPECT_EQ(mixed.spec.user, "rpoguard");
  EXPECT_EQ(mixed.spec.sslmode, "require");
  EXPECT_EQ(mixed.secrets.password, "p");
}

TEST(pg_service, reads_as_libpq_does) {
  EXPECT_EQ(login("[s]\r\n \tuser=u \t\r\n").spec.user, "u");
  EXPECT_EQ(login("# [s]\n\n[s]\n#user=x\nuser=u").spec.user, "u");
  EXPECT_EQ(login("[other]\nuser=x\nnonsense\n[s]\nuser=u\n[last]\nuser=x\n").spec.user, "u");
  EXPECT_EQ(login("[s]\nuser=first\nuser=second\n").spec.user, "first");
  EXPECT_EQ(login("[s]\nuser=first\n[s]\nuser=second\n").spec.user, "first");
  EXPECT_EQ(login("[s]\npassword= a=b # c\n").secrets.password, " a=b # c");
  EXPECT_EQ(login("[s]\nuser=\n").spec.user, "rpoguard") << "an empty value is none";
  EXPECT_EQ(login("[s]").spec.user, "rpoguard") << "an empty section is one";
}

TEST(pg_service, a_problem_names_file_section_and_line_and_no_value) {
  struct Row {
    const char* text;
    const char* says;
  };
  for (const Row& row : {
           Row{"", "there is no such section"},
           Row{"[t]\nuser=hush\n", "there is no such section"},
           Row{"[ss]\nuser=hush\n", "there is no such section"},
           Row{"[s]\nhost=hush\n", "line 2: host is named by the configuration, not here"},
           Row{"[s]\nport=hush\n", "line 2: port is named"},
           Row{"[s]\n\nhostaddr=hush\n", "line 3: hostaddr is named"},
           Row{"[s]\noptions=-c hush\n", "line 2: a keyword that rpoguard does not take"},
           Row{"[s]\nhush=x\n", "line 2: a keyword that rpoguard does not take"},
           Row{"[s]\nuser =hush\n", "line 2: a keyword that rpoguard does not take"},
           Row{"[s]\nhush\n", "line 2: it is not keyword=value"},
           Row{"[s]\nsslmode=prefer\n", "line 2: sslmode is none of disable"},
           Row{"[s]\nsslmode=hush\n", "line 2: sslmode is none of disable"},
           Row{"[s]\nchannel_binding=hush\n", "line 2: channel_binding is none of"},
       }) {
    const core::ProbeError error = problem(row.text);
    EXPECT_EQ(error.reason, core::ProbeFailure::auth_failed);
    EXPECT_TRUE(error.message.starts_with("cannot use service s of /services: ")) << error.message;
    EXPECT_NE(error.message.find(row.says), std::string::npos) << error.message;
    EXPECT_EQ(error.message.find("hush"), std::string::npos) << error.message;
  }
  EXPECT_NE(problem(std::string("[s]\npassword=a\0b", 16)).message.find("zero byte"),
            std::string::npos);
}

TEST(pg_service, half_of_tls_is_an_error_and_not_less_tls) {
  struct Row {
    const char* text;
    const char* says;
  };
  for (const Row& row : {Row{"[s]\nsslmode=verify-full", "verify-full without sslrootcert"},
                         Row{"[s]\nsslmode=require\nsslcert=/c", "one of sslcert and sslkey"},
                         Row{"[s]\nsslmode=require\nsslkey=/k", "one of sslcert and sslkey"},
                         Row{"[s]\nsslrootcert=/ca", "certificates without sslmode"}}) {
    const core::ProbeError error = problem(row.text);
    EXPECT_EQ(error.reason, core::ProbeFailure::tls_failed);
    EXPECT_NE(error.message.find(row.says), std::string::npos) << error.message;
  }
  // Half may stand in the configuration.
  core::ConnectSpec spec = spec_with({"sslmode"});
  spec.sslrootcert = "/ca";
  EXPECT_EQ(login("[s]\nsslmode=verify-full", spec).spec.sslmode, "verify-full");
  spec = spec_with({"sslrootcert"});
  EXPECT_EQ(login("[s]\nsslrootcert=/ca", spec).spec.sslmode, "disable") << "it says so itself";
}

}  // namespace
}  // namespace rpoguard::observe
