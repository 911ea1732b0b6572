#include "exporter/serve/http/shared_page.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;
using serve::SharedPage;

TEST(SharedPage, one_after_the_other_gets_a_new_one_each) {
  SharedPage shared;
  int rendered = 0;
  const auto render = [&] { return std::to_string(++rendered); };
  const auto first = shared.get(render);
  EXPECT_EQ(*first, "1");
  EXPECT_EQ(*shared.get(render), "2") << "the first began before this was asked for";
}

TEST(SharedPage, a_crowd_shares_one_that_began_after_all_of_it_came) {
  SharedPage shared;
  std::atomic<int> rendered{0};
  std::atomic<bool> go_on{false};
  const auto render = [&] {
    ++rendered;
    EXPECT_TRUE(eventually(20s, [&] { return go_on.load(); }));
    return std::string("page");
  };
  std::vector<std::thread> crowd;
  std::vector<std::shared_ptr<const std::string>> pages(20);
  std::atomic<int> asked{0};
  crowd.emplace_back([&] { pages[0] = shared.get(render); });
  ASSERT_TRUE(eventually(20s, [&] { return rendered == 1; }));
  for (std::size_t i = 1; i < pages.size(); ++i) {
    crowd.emplace_back([&, i] {
      ++asked;
      pages[i] = shared.get(render);
    });
  }
  ASSERT_TRUE(eventually(20s, [&] { return asked == 19; }));
  go_on = true;
  for (std::thread& one : crowd) one.join();
  EXPECT_LT(rendered, 20) << "those who waited share, but for whoever came late";
  for (const auto& page : pages) EXPECT_EQ(*page, "page");
}

}  // namespace
}  // namespace rpoguard::test
