#include "exporter/serve/http/http_target.hpp"

#include <gtest/gtest.h>

#include "exporter/core/model/limits.hpp"

namespace rpoguard::serve {
namespace {

using Query = std::multimap<std::string, std::string>;

struct TargetRow {
  const char* target;
  const char* path;
  Query query;
};

TEST(HttpTarget, is_taken_apart_without_losing_anything) {
  const std::vector<TargetRow> rows{
      {"/", "/", {}},
      {"", "", {}},
      {"/gate/184?epoch=7", "/gate/184", {{"epoch", "7"}}},
      {"/a?e=a=b=c", "/a", {{"e", "a=b=c"}}},
      {"/a?e=1&e=2", "/a", {{"e", "1"}, {"e", "2"}}},
      {"/a?verbose", "/a", {{"verbose", ""}}},
      {"/a?&&b=&", "/a", {{"b", ""}}},
      {"/a?x=1?y=2", "/a", {{"x", "1?y=2"}}},
      {"/a#part?x=1", "/a#part", {{"x", "1"}}},
      {"/a?epoch=7#x", "/a", {{"epoch", "7#x"}}},
      {"http://h:1/gate/184?epoch=7", "/gate/184", {{"epoch", "7"}}},
      {"HTTPS://[::1]:1/a%2Fb", "/a/b", {}},
      {"http://h", "/", {}},
      {"http://h?x=1", "/", {{"x", "1"}}},
      {"/http://h/a", "/http://h/a", {}},
      {"/a%2Fb+c?d%3D=e+f%20g", "/a/b+c", {{"d=", "e f g"}}},
      {"/%zz%4?a=%", "/%zz%4", {{"a", "%"}}},
      {"/%?a=100%25", "/%", {{"a", "100%"}}},
  };
  for (const TargetRow& row : rows) {
    const HttpTarget target = parse_target(row.target);
    EXPECT_EQ(target.path, row.path) << row.target;
    EXPECT_EQ(target.query, row.query) << row.target;
    EXPECT_FALSE(target.path_cut) << row.target;
  }
}

TEST(HttpTarget, of_the_absolute_form_names_whom_it_asks) {
  EXPECT_EQ(parse_target("http://evil.example:80/metrics").authority, "evil.example:80");
  EXPECT_EQ(parse_target("https://h").authority, "h");
  for (const char* target : {"/metrics", "", "*", "h:80", "http:/h/a", "/?x=http://h/"})
    EXPECT_EQ(parse_target(target).authority, "") << target;
}

TEST(HttpTarget, a_path_beyond_the_limit_is_cut_and_says_so) {
  const std::string longest(core::limits::kHttpPathBytesMax, 'a');
  EXPECT_FALSE(parse_target(longest).path_cut);
  const HttpTarget cut = parse_target(longest + "b?x=1");
  EXPECT_TRUE(cut.path_cut);
  EXPECT_EQ(cut.path, longest);
  EXPECT_EQ(cut.query.count("x"), 1U);
}

TEST(HttpTarget, no_pair_of_a_long_query_is_dropped) {
  std::string target = "/authz/184?";
  for (int i = 0; i < 500; ++i) target += "a" + std::to_string(i) + "=1&";
  EXPECT_EQ(parse_target(target + "epoch=6").query.count("epoch"), 1U);
}

}  // namespace
}  // namespace rpoguard::serve
