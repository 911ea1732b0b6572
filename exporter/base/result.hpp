// Result: a value, or why there is none. For failures of the world; bugs abort (check.hpp).
//
//     Result<Url> split_url(std::string_view text);
//     Result<void> save(const Memory& memory);      // {} is success
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace rpoguard::base {

/// Why something failed. `message` is lower case without a full stop and carries no secret.
struct Error {
  std::string message;
  std::string hint{};  ///< what the operator can do about it; may be empty
};

/// REQUIRES: T and E are different types.
template <typename T, typename E = Error>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  /// REQUIRES: ok()
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  /// REQUIRES: !ok()
  const E& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, E> state_;
};

/// It worked, or why not.
template <typename E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(E error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  /// REQUIRES: !ok()
  const E& error() const { return error_.value(); }

 private:
  std::optional<E> error_;
};

}  // namespace rpoguard::base
