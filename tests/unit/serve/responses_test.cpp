#include "exporter/serve/responses.hpp"

#include <gtest/gtest.h>

namespace rpoguard::serve {
namespace {

TEST(Responses, a_json_error_is_json_whatever_is_quoted) {
  const HttpResponse response = json_error(404, "there is no shard \"x\xFF\"");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, "{\"error\":\"there is no shard \\\"x\xEF\xBF\xBD\\\"\"}\n");
}

TEST(Responses, a_refused_method_comes_with_the_list_of_allowed_ones) {
  const HttpResponse response = method_not_allowed("GET, HEAD");
  EXPECT_EQ(response.status, 405);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].first, "Allow");
  EXPECT_EQ(response.headers[0].second, "GET, HEAD");
}

}  // namespace
}  // namespace rpoguard::serve
