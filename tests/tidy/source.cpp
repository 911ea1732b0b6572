#include "tests/tidy/source.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace rpoguard::tidy {
namespace {

namespace fs = std::filesystem;

/// Blanks comments and literals of C++, keeping every line break.
class Blanker {
 public:
  explicit Blanker(const std::string& text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (starts("//")) {
        blank_until("\n", false);
      } else if (starts("/*")) {
        blank_until("*/", true);
      } else if (starts("R\"")) {
        const std::size_t open = text_.find('(', at_);
        const std::string end = ")" + text_.substr(at_ + 2, open - at_ - 2) + "\"";
        blank_until(end, true);
      } else if (text_[at_] == '"' || (text_[at_] == '\'' && !is_digit_separator())) {
        blank_literal(text_[at_]);
      } else {
        result_ += text_[at_++];
      }
    }
    return result_;
  }

 private:
  bool starts(const char* what) const {
    return text_.compare(at_, std::string(what).size(), what) == 0;
  }
  bool is_digit_separator() const {
    return at_ > 0 && std::isxdigit(static_cast<unsigned char>(text_[at_ - 1])) != 0 &&
           at_ + 1 < text_.size() && std::isxdigit(static_cast<unsigned char>(text_[at_ + 1])) != 0;
  }
  void blank(std::size_t end) {
    for (; at_ < std::min(end, text_.size()); ++at_) result_ += text_[at_] == '\n' ? '\n' : ' ';
  }
  void blank_until(const std::string& end, bool inclusive) {
    const std::size_t found = text_.find(end, at_ + 2);
    blank(found == std::string::npos ? text_.size() : found + (inclusive ? end.size() : 0));
  }
  void blank_literal(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2 : 1;
    }
    result_ += quote;
    ++at_;
    blank(end);
    if (at_ < text_.size() && text_[at_] == quote) result_ += text_[at_++];
  }

  const std::string& text_;
  std::size_t at_ = 0;
  std::string result_;
};

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Finds function bodies by what stands in front of each opening brace.
class BodyFinder {
 public:
  std::vector<Body> run(const std::vector<std::string>& code) {
    for (std::size_t i = 0; i < code.size(); ++i) {
      if (code[i].starts_with('#')) continue;  // a preprocessor line
      for (const char c : code[i]) step(c, i + 1);
      before_ += ' ';
    }
    return bodies_;
  }

 private:
  enum class Kind { scope, function, initializer };
  struct Block {
    Kind kind;
    std::size_t line;
    std::string before;
  };

  void step(char c, std::size_t line) {
    if (c == '{') {
      blocks_.push_back({kind_of_block(), line, before_});
      before_.clear();
    } else if (c == '}' && !blocks_.empty()) {
      close(line);
    } else if (c == ';') {
      before_.clear();
    } else {
      before_ += c;
    }
  }

  void close(std::size_t line) {
    const Block block = blocks_.back();
    blocks_.pop_back();
    before_.clear();
    if (block.kind == Kind::function && line > block.line) {
      bodies_.push_back({block.line, line - block.line - 1});
    }
    // a_{1}, b_(2) {...}: the first braces are as good as parentheses.
    if (block.kind == Kind::initializer) before_ = block.before + "()";
  }

  Kind kind_of_block() const {
    static const std::regex function(
        R"(\)\s*(const|noexcept|override|final|mutable|&|&&|->[^;{}]*|\s)*$)");
    static const std::regex scope(R"((^|\s)(namespace|class|struct|enum|union|extern)\b)");
    const bool inside = std::any_of(blocks_.begin(), blocks_.end(),
                                    [](const Block& b) { return b.kind == Kind::function; });
    if (inside) return Kind::scope;  // whatever it is, it belongs to that function
    if (std::regex_search(before_, function)) return Kind::function;
    return std::regex_search(before_, scope) ? Kind::scope : Kind::initializer;
  }

  std::string before_;
  std::vector<Block> blocks_;
  std::vector<Body> bodies_;
};

std::vector<Include> find_includes(const std::vector<std::string>& lines) {
  static const std::regex include(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  std::vector<Include> found;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(lines[i], match, include)) found.push_back({i + 1, match[1]});
  }
  return found;
}

bool is_written_by_people(const fs::path& relative) {
  const std::string path = relative.generic_string();
  for (const char* folder : {"build", ".git", ".demo", "demo/data"}) {
    if (path == folder || path.starts_with(std::string(folder) + "/")) return false;
  }
  return true;
}

}  // namespace

bool Source::is_cpp() const {
  return path.ends_with(".cpp") || path.ends_with(".hpp");
}

bool Source::is_code() const {
  // Scripts that people type have no extension.
  constexpr std::array kExtensions{"", ".h", ".c", ".sh", ".mjs", ".py", ".sql", ".cmake"};
  const fs::path file(path);
  return is_cpp() || file.filename() == "CMakeLists.txt" ||
         std::ranges::find(kExtensions, file.extension().string()) != kExtensions.end();
}

Source parse_source(const std::string& path, const std::string& text) {
  Source source;
  source.path = path;
  source.lines = split_lines(text);
  source.includes = find_includes(source.lines);
  if (source.is_cpp()) {
    source.code = split_lines(Blanker(text).run());
    source.bodies = BodyFinder().run(source.code);
  }
  return source;
}

std::vector<Source> read_repository(const std::string& root) {
  std::vector<Source> sources;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    const fs::path relative = fs::relative(it->path(), root);
    if (!is_written_by_people(relative)) {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file()) continue;
    const std::ifstream in(it->path(), std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    sources.push_back(parse_source(relative.generic_string(), text.str()));
  }
  std::sort(sources.begin(), sources.end(),
            [](const Source& a, const Source& b) { return a.path < b.path; });
  return sources;
}

}  // namespace rpoguard::tidy
