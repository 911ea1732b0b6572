// Result<T>: a value, or why there is none. For failures of the world; bugs abort (check.hpp).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace rpoguard::core {

/// Why something failed. `message` is lower case without a full stop and carries no secret.
struct Error {
  std::string message;
  std::string hint;  ///< what the operator can do about it; may be empty
};

template <typename T>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  /// REQUIRES: ok()
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  /// REQUIRES: !ok()
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace rpoguard::core
