#include "exporter/core/judge/synchronous_names.hpp"

#include <algorithm>
#include <cstddef>

#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"

namespace rpoguard::core {
namespace {

using base::equals_ignoring_case;
using base::is_digit;

bool starts_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return base::is_letter(c) || c == '_' || byte >= 0x80U;
}

struct Token {
  enum class Kind { end, name, number, comma, opening, closing, any, first, bad };
  Kind kind = Kind::end;
  std::string text;
};
using Kind = Token::Kind;

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  Token next() {
    rest_ = base::trim_front(rest_);
    if (rest_.empty()) return {};
    const char c = rest_.front();
    if (c == '"') return quoted();
    if (is_digit(c)) return {Kind::number, take(is_digit)};
    if (starts_name(c)) return word();
    rest_.remove_prefix(1);
    switch (c) {
      case '*':
        return {Kind::name, "*"};
      case ',':
        return {Kind::comma, {}};
      case '(':
        return {Kind::opening, {}};
      case ')':
        return {Kind::closing, {}};
      default:
        return {Kind::bad, {}};
    }
  }

 private:
  template <typename Belongs>
  std::string take(Belongs belongs) {
    const auto end = std::ranges::find_if_not(rest_, belongs);
    const auto length = static_cast<std::size_t>(end - rest_.begin());
    std::string taken(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return taken;
  }

  Token word() {
    std::string text = take([](char c) { return starts_name(c) || is_digit(c) || c == '$'; });
    if (equals_ignoring_case(text, "any")) return {Kind::any, std::move(text)};
    if (equals_ignoring_case(text, "first")) return {Kind::first, std::move(text)};
    return {Kind::name, std::move(text)};
  }

  // Two quotes stand for one.
  Token quoted() {
    std::string name;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] != '"') {
        name += rest_[i];
      } else if (i + 1 < rest_.size() && rest_[i + 1] == '"') {
        name += rest_[++i];
      } else {
        rest_.remove_prefix(i + 1);
        return {Kind::name, std::move(name)};
      }
    }
    return {Kind::bad, {}};
  }

  std::string_view rest_;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : scanner_(text), token_(scanner_.next()) {}

  // A list alone is FIRST 1 of it. A number is a count before a parenthesis, else a name.
  std::optional<SynchronousNames> parse() {
    SynchronousNames parsed;
    if (token_.kind == Kind::end) return parsed;
    const bool worded = token_.kind == Kind::any || token_.kind == Kind::first;
    if (token_.kind == Kind::any) parsed.method = SynchronousNames::Method::any;
    if (worded) advance();
    const Token first = token_;
    if (worded && first.kind != Kind::number) return std::nullopt;
    if (!list(parsed.names)) return std::nullopt;
    const bool count_came_first = first.kind == Kind::number && parsed.names.size() == 1;
    if (count_came_first && token_.kind == Kind::opening) return counted(parsed.method, first.text);
    if (worded || token_.kind != Kind::end) return std::nullopt;
    parsed.count = 1;
    return parsed;
  }

 private:
  void advance() { token_ = scanner_.next(); }

  std::optional<SynchronousNames> counted(SynchronousNames::Method method,
                                          const std::string& number) {
    SynchronousNames parsed{.method = method, .count = 0, .names = {}};
    advance();
    parsed.count = base::parse_number<int>(number).value_or(0);
    if (parsed.count < 1) return std::nullopt;
    if (!list(parsed.names) || token_.kind != Kind::closing) return std::nullopt;
    advance();
    if (token_.kind != Kind::end) return std::nullopt;
    return parsed;
  }

  bool list(std::vector<std::string>& names) {
    for (;;) {
      if (token_.kind != Kind::name && token_.kind != Kind::number) return false;
      names.push_back(token_.text);
      advance();
      if (token_.kind != Kind::comma) return true;
      advance();
    }
  }

  Scanner scanner_;
  Token token_;
};

}  // namespace

bool SynchronousNames::holds(std::string_view application_name) const {
  return std::ranges::any_of(names, [&](const std::string& name) {
    return name == "*" || equals_ignoring_case(name, application_name);
  });
}

std::optional<SynchronousNames> parse_synchronous_names(std::string_view text) {
  return Parser(text).parse();
}

}  // namespace rpoguard::core
