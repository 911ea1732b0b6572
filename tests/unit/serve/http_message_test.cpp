#include "exporter/serve/http/http_message.hpp"

#include <gtest/gtest.h>

namespace rpoguard::serve {
namespace {

TEST(HttpMessage, a_json_error_is_json_whatever_is_quoted) {
  const HttpResponse response = json_error(404, "there is no shard \"x\xFF\"");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, "{\"error\":\"there is no shard \\\"x\xEF\xBF\xBD\\\"\"}\n");
}

TEST(HttpMessage, a_refused_method_comes_with_the_list_of_allowed_ones) {
  const HttpResponse response = method_not_allowed("GET, HEAD");
  EXPECT_EQ(response.status, 405);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].first, "Allow");
  EXPECT_EQ(response.headers[0].second, "GET, HEAD");
}

TEST(HttpMessage, an_error_is_its_message_and_its_hint_if_it_has_one) {
  const HttpResponse response = error_response({"no such file", "give another"});
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, "no such file\nHINT: give another\n");
  EXPECT_EQ(error_response({"no such file", ""}).body, "no such file\n");
}

TEST(HttpMessage, what_the_client_left_out_is_absent_and_not_empty) {
  const HttpHeaders headers{{"origin", ""}};
  EXPECT_EQ(find_header(headers, "origin"), "");
  EXPECT_EQ(find_header(headers, "authorization"), std::nullopt);
  const HttpQuery query{{"shard", ""}, {"exclude", "a"}, {"exclude", "b"}};
  EXPECT_EQ(find_parameter(query, "shard"), "");
  EXPECT_EQ(find_parameter(query, "exclude"), "a");
  EXPECT_EQ(find_parameter(query, "require"), std::nullopt);
}

TEST(HttpMessage, a_header_that_is_set_takes_the_place_of_the_one_that_was_there) {
  HttpResponse response;
  response.headers = {{"Allow", "GET"}, {"Retry-After", "1"}};
  set_header(response, {"Allow", "POST"});
  const std::vector<std::pair<std::string, std::string>> expected{{"Retry-After", "1"},
                                                                  {"Allow", "POST"}};
  EXPECT_EQ(response.headers, expected);
}

}  // namespace
}  // namespace rpoguard::serve
