// Coroutines on the loop: a path that waits for answers and still reads from top to bottom.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace rpoguard::observe {

/// A coroutine that runs when somebody awaits it, or by start(), and yields one T. Whoever holds
/// the Task owns the coroutine: with the Task ends what it was waiting for. An exception in it ends
/// the program. Not thread-safe: everything happens on the thread that runs the loop. A Task is not
/// destroyed while its coroutine runs, only before, after, or while it waits.
///
///     Task<int> twice(Inbox<int>& numbers) {
///       const int number = co_await numbers;  // until somebody puts one
///       co_return 2 * number;
///     }
template <typename T = void>
class [[nodiscard]] Task;

namespace detail {

/// Goes on with whoever awaited the coroutine that has ended.
struct Return {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
    return ended.promise().awaited_by;
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> awaited_by = std::noop_coroutine();
  std::suspend_always initial_suspend() const noexcept { return {}; }
  Return final_suspend() const noexcept { return {}; }
  void unhandled_exception() const noexcept { std::terminate(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value{};
  Task<T> get_return_object();
  void return_value(T given) { value = std::move(given); }
  T take() { return *std::move(value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;

  Task() = default;
  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  /// Runs it to where it first waits, for those that are no coroutine. Once, instead of co_await.
  void start() { coroutine_.resume(); }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> by) noexcept {
    coroutine_.promise().awaited_by = by;
    return coroutine_;
  }
  T await_resume() { return coroutine_.promise().take(); }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

template <typename T>
Task<T> detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}

inline Task<void> detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

/// Where one coroutine waits for what a callback brings, one value at a time; the value may also
/// come first. Order of calls: (put co_await | co_await put)*
template <typename T>
class Inbox {
 public:
  Inbox() = default;
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Goes on with the coroutine that waits before it returns: the last thing that a callback does.
  void put(T value) {
    value_ = std::move(value);
    if (waiting_) std::exchange(waiting_, nullptr).resume();
  }

  auto operator co_await() noexcept { return Wait{*this}; }

 private:
  // Apart from the inbox: GCC 12 copies what is awaited into the coroutine.
  struct Wait {
    Inbox& inbox;
    bool await_ready() const noexcept { return inbox.value_.has_value(); }
    void await_suspend(std::coroutine_handle<> waiting) const noexcept { inbox.waiting_ = waiting; }
    T await_resume() const {
      T value = *std::move(inbox.value_);
      inbox.value_.reset();
      return value;
    }
  };

  std::optional<T> value_;
  std::coroutine_handle<> waiting_;
};

}  // namespace rpoguard::observe
