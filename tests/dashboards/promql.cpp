#include "tests/dashboards/promql.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace rpoguard::dashboards {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':' || c == '$';
}

/// Words, strings (with their quotes) and the operators of matchers; all else one character each.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    std::size_t end = at + 1;
    if (c == '"') {
      while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
      if (end >= text.size()) throw std::runtime_error("a string without an end");
      ++end;
    } else if (is_word(c)) {
      while (end < text.size() && (is_word(text[end]) || text[end] == '.')) ++end;
    } else if (end < text.size() && std::string("=!").find(c) != std::string::npos &&
               std::string("=~").find(text[end]) != std::string::npos) {
      ++end;
    }
    if (std::isspace(static_cast<unsigned char>(c)) == 0)
      tokens.push_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

const std::set<std::string> kGrouping{"by",       "without",    "on",
                                      "ignoring", "group_left", "group_right"};
const std::set<std::string> kWords{"and", "or", "unless", "bool", "offset", "NaN", "Inf"};

class Reader {
 public:
  explicit Reader(const std::string& text) : tokens_(split(text)) {}

  Expression run() {
    while (at_ < tokens_.size()) step();
    if (!open_.empty()) throw std::runtime_error("an open bracket");
    if (read_.selectors.empty()) throw std::runtime_error("no series");
    return read_;
  }

 private:
  struct Open {
    std::string bracket;
    std::string call;  // the function in front of it
  };

  std::string peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : "";
  }
  std::string take() {
    if (at_ >= tokens_.size()) throw std::runtime_error("it ends too early");
    return tokens_[at_++];
  }
  static bool starts_a_name(const std::string& token) {
    return !token.empty() && (std::isalpha(static_cast<unsigned char>(token[0])) != 0 ||
                              token[0] == '_' || token[0] == ':');
  }

  void step() {
    const std::string token = take();
    if (token == "(" || token == "[") {
      open_.push_back({token, ""});
    } else if (token == ")" || token == "]") {
      close(token == ")" ? "(" : "[");
    } else if (kGrouping.contains(token) && peek() == "(") {
      take();
      while (peek() != ")") {
        if (const std::string label = take(); label != ",") read_.grouping.insert(label);
      }
      take();
    } else if (starts_a_name(token) && !kWords.contains(token)) {
      name(token);
    }
  }

  void close(const std::string& bracket) {
    if (open_.empty() || open_.back().bracket != bracket)
      throw std::runtime_error("a bracket too many");
    open_.pop_back();
  }

  void name(const std::string& token) {
    // An aggregation's labels may stand in front of its bracket.
    const bool grouped = kGrouping.contains(peek()) && peek(1) == "(";
    if (peek() != "(" && !grouped) return selector(token);
    if (grouped) step();
    if (take() != "(") throw std::runtime_error("no bracket after " + token);
    open_.push_back({"(", token});
    if (token == "label_replace" || token == "label_join") read_.invented.insert(invented_label());
  }

  /// The second argument: the first string from here on that a comma precedes.
  std::string invented_label() const {
    int depth = 0;
    for (std::size_t i = at_; i + 1 < tokens_.size(); ++i) {
      if (tokens_[i] == "(" || tokens_[i] == "{") ++depth;
      if (tokens_[i] == ")" || tokens_[i] == "}") --depth;
      if (depth == 0 && tokens_[i] == ",") return unquoted(tokens_[i + 1]);
    }
    throw std::runtime_error("a label function without a label");
  }

  static std::string unquoted(const std::string& text) {
    if (text.size() < 2 || text.front() != '"') throw std::runtime_error("no string: " + text);
    return text.substr(1, text.size() - 2);
  }

  void selector(const std::string& metric) {
    Selector selector{.metric = metric, .matchers = {}, .range = "", .function = call()};
    if (peek() == "{") {
      take();
      while (peek() != "}") {
        const std::string label = take();
        const std::string op = take();
        selector.matchers.push_back({label, op, unquoted(take())});
        if (peek() == ",") take();
      }
      take();
    }
    if (peek() == "[") {
      take();
      while (peek() != "]") selector.range += take();
      take();
    }
    read_.selectors.push_back(selector);
  }

  std::string call() const {
    const auto found = std::find_if(open_.rbegin(), open_.rend(),
                                    [](const Open& open) { return !open.call.empty(); });
    return found == open_.rend() ? "" : found->call;
  }

  std::vector<std::string> tokens_;
  std::size_t at_ = 0;
  std::vector<Open> open_;
  Expression read_;
};

}  // namespace

const Matcher* Selector::matcher(const std::string& label) const {
  const auto found = std::find_if(matchers.begin(), matchers.end(),
                                  [&](const Matcher& m) { return m.label == label; });
  return found == matchers.end() ? nullptr : &*found;
}

Expression read_expression(const std::string& text) {
  try {
    return Reader(text).run();
  } catch (const std::runtime_error& problem) {
    Expression unreadable;
    unreadable.problem = problem.what();
    return unreadable;
  }
}

}  // namespace rpoguard::dashboards
