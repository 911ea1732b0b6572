#include "exporter/observe/system/task.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

// Says when it is destroyed, also by a coroutine that never ends.
class Witness {
 public:
  explicit Witness(bool& gone) : gone_(gone) {}
  ~Witness() { gone_ = true; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

 private:
  bool& gone_;
};

Task<int> twice(Inbox<int>& numbers) {
  const int number = co_await numbers;
  co_return 2 * number;
}

Task<> sum_up(Inbox<int>& numbers, std::string& said) {
  int sum = 0;
  for (int i = 0; i < 3; ++i) {
    const int doubled = co_await twice(numbers);
    sum += doubled;
    said += std::to_string(sum) + " ";
  }
  said += "done";
}

TEST(Task, runs_to_where_it_waits_and_goes_on_with_each_value) {
  Inbox<int> numbers;
  std::string said;
  Task<> task = sum_up(numbers, said);
  EXPECT_EQ(said, "");
  task.start();
  EXPECT_EQ(said, "");
  numbers.put(1);
  EXPECT_EQ(said, "2 ");
  numbers.put(2);
  numbers.put(3);
  EXPECT_EQ(said, "2 6 12 done");
}

TEST(Task, takes_a_value_that_came_first_without_waiting) {
  Inbox<int> numbers;
  std::string said;
  numbers.put(5);
  Task<> task = sum_up(numbers, said);
  task.start();
  EXPECT_EQ(said, "10 ");
}

Task<> wait_with(Inbox<std::unique_ptr<int>>& inbox, bool& gone, bool& came) {
  const Witness witness(gone);
  const std::unique_ptr<int> value = co_await inbox;
  came = true;
}

TEST(Task, ends_what_it_waited_for_when_it_is_destroyed) {
  Inbox<std::unique_ptr<int>> inbox;
  bool gone = false;
  bool came = false;
  {
    Task<> task = wait_with(inbox, gone, came);
    task.start();
    EXPECT_FALSE(gone);
  }
  EXPECT_TRUE(gone);
  EXPECT_FALSE(came);
}

TEST(Task, one_takes_the_place_of_another_that_has_ended) {
  Inbox<std::unique_ptr<int>> inbox;
  bool gone = false;
  bool came = false;
  Task<> task = wait_with(inbox, gone, came);
  task.start();
  inbox.put(std::make_unique<int>(1));
  EXPECT_TRUE(gone && came);
  gone = came = false;
  task = wait_with(inbox, gone, came);
  task.start();
  EXPECT_FALSE(gone);
  inbox.put(nullptr);
  EXPECT_TRUE(gone && came);
}

// As a deadline does it: the coroutine destroys what holds the inbox right when it goes on.
struct Holder {
  std::optional<Inbox<std::string>> inbox{std::in_place};
  std::string got;
};

Task<> take_and_drop(Holder& holder) {
  holder.got = co_await *holder.inbox;
  holder.inbox.reset();
}

TEST(Task, may_drop_the_inbox_once_it_has_the_value) {
  Holder holder;
  Task<> task = take_and_drop(holder);
  task.start();
  holder.inbox->put("a text that is longer than what a string keeps within itself");
  EXPECT_FALSE(holder.inbox);
  EXPECT_EQ(holder.got.size(), 60U);
}

}  // namespace
}  // namespace rpoguard::observe
