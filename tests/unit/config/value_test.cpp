#include "exporter/config/value.hpp"

#include <chrono>

#include "exporter/config/keys.hpp"

#include "tests/unit/config/key_at.hpp"

namespace rpoguard::config {
namespace {

using namespace std::chrono_literals;

base::Result<Value> parse(std::string_view path, std::string text,
                          Node::Kind kind = Node::Kind::plain) {
  return parse_value(key_at(path), Node(kind, {}, std::move(text)));
}

TEST(ConfigValue, durations_keep_their_unit) {
  EXPECT_EQ(parse("probe.interval", "250ms").value(), Value(MaybeDuration(250ms)));
  EXPECT_EQ(parse("defaults.rto", "1h30m").value(), Value(MaybeDuration(90min)));
  EXPECT_EQ(parse("defaults.rpo", "0").value(), Value(MaybeDuration(0s)));
  EXPECT_EQ(parse("defaults.archive.max_age", "off").value(), Value(MaybeDuration()));
  EXPECT_FALSE(parse("defaults.archive.max_age", "0s").ok());
  EXPECT_FALSE(parse("probe.interval", "off").ok());
}

TEST(ConfigValue, numbers_are_decimal) {
  EXPECT_EQ(parse("defaults.slo.objective", "99.95").value(), Value(99.95));
  EXPECT_EQ(parse("defaults.gate.shed_low_priority_at", "1").value(), Value(1.0));
  for (const char* text : {"", "-", ".5", "5.", "0.8.1", "00.8", "8e-1", "0x1", " 0.8", "0.8 ",
                           "nan", "inf", "0,8", "+0.8"}) {
    EXPECT_FALSE(parse("defaults.gate.shed_low_priority_at", text).ok()) << text;
  }
}

TEST(ConfigValue, choices_may_be_quoted) {
  EXPECT_EQ(parse("defaults.gate.mode", "off", Node::Kind::quoted).value(),
            Value(std::string("off")));
  EXPECT_EQ(parse("defaults.gate.mode", "of").error().message,
            "\"of\" is not known, did you mean \"off\"?");
}

TEST(ConfigValue, addresses_have_a_host_and_a_port) {
  struct Row {
    const char* text;
    core::ListenSpec expected;
  };
  for (const Row& row : std::vector<Row>{{"127.0.0.1:80", {"127.0.0.1", 80}},
                                         {":0", {"::", 0}},
                                         {"[::]:10187", {"::", 10187}},
                                         {"[fe80::1%eth0]:1", {"fe80::1%eth0", 1}},
                                         {"localhost:65535", {"localhost", 65535}}}) {
    const auto parsed = parse("listen.ops", row.text);
    ASSERT_TRUE(parsed.ok()) << row.text;
    EXPECT_EQ(parsed.value(), Value(row.expected)) << row.text;
  }
  for (const char* text : {"", ":", "80", "a:", "a:b", "a:-1", "a:080", "a:65536", "::1:80",
                           "[::1]", "[]:1", "[a]:1", "a b:1", "http://a:1", "[::1:80"}) {
    EXPECT_FALSE(parse("listen.ops", text).ok()) << text;
  }
}

TEST(ConfigValue, hosts_are_one_server_without_a_port) {
  for (const char* text : {"db", "db-1.example.com", "10.0.0.1", "::1", "fe80::1%eth0",
                           "/var/run/postgresql", "under_score"}) {
    EXPECT_TRUE(parse("defaults.connect.host", text).ok()) << text;
  }
  for (const char* text : {"", "-h", ".h", "a,b", "a:1", "[::1]", "a b", "@abstract", "rel/dir"}) {
    EXPECT_FALSE(parse("defaults.connect.host", text).ok()) << text;
  }
  EXPECT_FALSE(parse("defaults.connect.host", std::string(254, 'h')).ok());
  EXPECT_FALSE(parse("defaults.connect.host", "/" + std::string(90, 'h')).ok());
}

TEST(ConfigValue, optional_texts_may_be_empty_and_others_not) {
  EXPECT_EQ(parse("defaults.connect.sslkey", "", Node::Kind::quoted).value(), Value(std::string()));
  EXPECT_FALSE(parse("state_dir", "", Node::Kind::quoted).ok());
  EXPECT_FALSE(parse("defaults.connect.dbname", "", Node::Kind::quoted).ok());
}

TEST(ConfigValue, labels_fit_into_a_path) {
  for (const char* text : {"184", "a:b", "s\u00FCd", "a.b", "...", "%2F", "a+b"}) {
    EXPECT_TRUE(parse("shards[].id", text).ok()) << text;
  }
  for (const char* text : {"", ".", "..", "a/b", "a?", "#", "a b", "\xE3\x80\x80", "\t"}) {
    EXPECT_FALSE(parse("shards[].id", text).ok()) << text;
  }
  EXPECT_TRUE(parse("shards[].id", std::string(63, 'x')).ok());
  EXPECT_FALSE(parse("shards[].id", std::string(64, 'x')).ok());
}

TEST(ConfigValue, queries_are_one_statement_without_its_end) {
  for (const char* text : {"select 1", "select 1;", "\tselect 1 ; \n", "select\n1\n-- one\n"}) {
    const auto parsed = parse("defaults.epoch.query", text, Node::Kind::quoted);
    ASSERT_TRUE(parsed.ok()) << text;
    const auto& query = std::get<std::string>(parsed.value());
    EXPECT_EQ(query.find(';'), std::string::npos) << text;
    EXPECT_EQ(query.find_last_not_of(" \t\n"), query.size() - 1) << text;
  }
  for (const char* text : {" ", ";", "; ;", "select 1;;", "select 1; -- one", "select\r1"}) {
    EXPECT_FALSE(parse("defaults.epoch.query", text, Node::Kind::quoted).ok()) << text;
  }
  EXPECT_TRUE(parse("defaults.epoch.query", std::string(4096, 'x') + ";\n").ok());
  EXPECT_FALSE(parse("defaults.epoch.query", std::string(4097, 'x')).ok());
}

TEST(ConfigValue, pointers_are_those_of_rfc_6901) {
  for (const char* text : {"/", "/a/0", "//", "/a b", "/m~0n", "/a~1b", "/\u00FC"}) {
    EXPECT_TRUE(parse("defaults.epoch.pointer", text).ok()) << text;
  }
  for (const char* text : {"a", "#/a", "/~", "/~2", "/~~", "/a~1~", "/a\tb"}) {
    EXPECT_FALSE(parse("defaults.epoch.pointer", text).ok()) << text;
  }
  EXPECT_TRUE(parse("defaults.epoch.pointer", "/" + std::string(1023, 'x')).ok());
  EXPECT_FALSE(parse("defaults.epoch.pointer", "/" + std::string(1024, 'x')).ok());
}

TEST(ConfigValue, urls_may_name_the_shard_behind_the_host) {
  for (const char* text : {"http://m", "https://m/{shard}", "http://m:1/?s={shard}&t={shard}"}) {
    EXPECT_EQ(parse("defaults.epoch.url", text).value(), Value(std::string(text)));
  }
  for (const char* text :
       {"http://{shard}", "http://a.{shard}/", "http://m:{shard}/", "http://m/{x}",
        "http://m/{shard", "http://[1:2:3]/", "http://[::1%25lo]/", "//m/"}) {
    EXPECT_FALSE(parse("defaults.epoch.url", text).ok()) << text;
  }
  EXPECT_TRUE(parse("defaults.epoch.url", "http://m/" + std::string(2039, 'x')).ok());
  EXPECT_FALSE(parse("defaults.epoch.url", "http://m/" + std::string(2040, 'x')).ok());
  EXPECT_EQ(parse("defaults.epoch.url", "http://u:hunter2@m/").error().message,
            "has a user or a password before the host; a secret belongs in token_file");
}

TEST(ConfigValue, names_in_the_dns_are_names) {
  const Key key{.path = "x", .type = Type::dns_name};
  const auto parse_name = [&key](std::string text) {
    return parse_value(key, Node(Node::Kind::quoted, {}, std::move(text)));
  };
  const std::string longest = std::string(63, 'a') + '.' + std::string(63, 'b') + '.' +
                              std::string(63, 'c') + ".example.com";
  for (const std::string& name :
       {std::string("db.example.com"), std::string("*.example.com"), std::string("*"), longest})
    EXPECT_EQ(parse_name(name).value(), Value(name));
  EXPECT_EQ(parse_name("db.example.com:10187").error().message,
            "\"db.example.com:10187\" has a port, which does not belong to the name");
  for (const char* name : {"", "*.", "db*.example.com", "http://db", "a b", ".com", "[::1]"})
    EXPECT_FALSE(parse_name(name).ok()) << name;
}

TEST(ConfigValue, words_of_a_command_have_a_longest) {
  const Key word{.path = "x", .type = Type::argument};
  const auto parse_word = [&word](std::string text) {
    return parse_value(word, Node(Node::Kind::plain, {}, std::move(text)));
  };
  EXPECT_EQ(parse_word("").value(), Value(std::string()));
  EXPECT_TRUE(parse_word(std::string(4095, 'x')).ok());
  EXPECT_FALSE(parse_word(std::string(4096, 'x')).ok());
}

TEST(ConfigValue, messages_do_not_repeat_what_may_be_a_secret) {
  for (const Key& key : all_keys()) {
    const bool is_text = key.type == Type::path || key.type == Type::env_name ||
                         key.type == Type::host || key.type == Type::text ||
                         key.type == Type::url || key.type == Type::pointer ||
                         key.type == Type::query;
    if (!is_text && !key.secret) continue;
    const auto parsed = parse(key.path, "hunter2 \x01");
    ASSERT_FALSE(parsed.ok()) << key.path;
    EXPECT_EQ(parsed.error().message.find("hunter2"), std::string::npos) << key.path;
  }
}

}  // namespace
}  // namespace rpoguard::config
