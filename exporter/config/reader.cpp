#include "exporter/config/reader.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "exporter/config/text.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::config {
namespace {

namespace limits = core::limits;

constexpr std::string_view kAlias = "aliases (*name) are not supported";
constexpr std::string_view kAnchor = "anchors (&name) are not supported";
constexpr std::string_view kTag = "tags (!name) are not supported";

// yaml-cpp counts from 0 and says -1 for "nowhere".
Mark mark_of(const YAML::Mark& mark) {
  if (mark.line < 0) return {};
  return {.line = mark.line + 1, .column = mark.column + 1};
}

// Leaves the parser from inside an event; caught in read_yaml.
struct Stop {
  Mark mark;
  std::string problem;
};

// yaml-cpp ends a quoted scalar silently where the file ends, so the closing quote is looked
// for here.
bool quote_is_closed(std::string_view text, std::size_t start) {
  const char quote = text[start];
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      const bool doubled = quote == '\'' && text.substr(i + 1, 1) == "'";
      if (!doubled) return true;
      ++i;
    }
  }
  return false;
}

// Builds the tree from parser events. The event interface is used instead of YAML::Node because
// nodes lose duplicates, marks of keys and the document count, share state (an assignment
// overwrites what the handle pointed to) and expand aliases, so that a few bytes become millions of
// nodes.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view text) : text_(text) {}

  std::size_t documents() const { return documents_; }
  Node&& take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Stop{mark_of(mark), "a second document starts here"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    place({Node::Kind::null, mark_of(mark), "", forbidden_scalar(mark, anchor, "")}, mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    place({Node::Kind::null, mark_of(mark), "", kAlias}, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const char first = char_at(mark);
    const bool quoted = first == '"' || first == '\'';
    if (quoted && !quote_is_closed(text_, static_cast<std::size_t>(mark.pos))) {
      throw Stop{mark_of(mark), "a quoted text starts here and is not closed"};
    }
    // The tag "!" is yaml-cpp's word for "not plain": quoted or a block.
    const auto kind = tag == "!" ? Node::Kind::quoted : Node::Kind::plain;
    place({kind, mark_of(mark), value, forbidden_scalar(mark, anchor, tag)}, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open({Node::Kind::list, mark_of(mark), "", forbidden(anchor, tag)}, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open({Node::Kind::map, mark_of(mark), "", forbidden(anchor, tag)}, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Node* node;
    bool key_is_next;
  };

  char char_at(const YAML::Mark& mark) const {
    const auto position = static_cast<std::size_t>(mark.pos);
    return mark.pos >= 0 && position < text_.size() ? text_[position] : '\0';
  }

  static std::string_view forbidden(YAML::anchor_t anchor, const std::string& tag) {
    if (anchor != YAML::NullAnchor) return kAnchor;
    return tag.size() > 1 ? kTag : std::string_view{};  // "?" plain, "!" not plain: no tag written
  }
  // A bare "!" and the tag of an empty value show only in the text, where the mark points.
  std::string_view forbidden_scalar(const YAML::Mark& mark, YAML::anchor_t anchor,
                                    const std::string& tag) const {
    return char_at(mark) == '!' ? kTag : forbidden(anchor, tag);
  }

  bool at_key() const { return !levels_.empty() && levels_.back().key_is_next; }

  void open(Node container, const YAML::Mark& mark) {
    if (at_key())
      throw Stop{mark_of(mark),
                 "a list or a map cannot be a key; perhaps a } or ] is missing before it"};
    if (levels_.size() >= limits::kConfigDepthMax) {
      throw Stop{mark_of(mark),
                 "nested deeper than " + std::to_string(limits::kConfigDepthMax) + " levels"};
    }
    const bool is_map = container.kind == Node::Kind::map;
    levels_.push_back({place(std::move(container), mark), is_map});
  }
  void close() { levels_.pop_back(); }

  static bool is_absent(const Node& node) {
    return node.kind == Node::Kind::null && node.forbidden.empty();
  }

  // A value that is not written has the mark of whatever comes next: it gets that of its key or
  // list. Puts the node where it belongs and returns its address, which stays valid while the node
  // is open: only the innermost container grows.
  Node* place(Node node, const YAML::Mark& mark) {
    if (++nodes_ > limits::kConfigNodesMax) {
      throw Stop{mark_of(mark),
                 "more than " + std::to_string(limits::kConfigNodesMax) + " keys and values"};
    }
    if (levels_.empty()) return &(root_ = std::move(node));
    Level& level = levels_.back();
    if (level.node->kind == Node::Kind::list) {
      if (is_absent(node)) node.mark = level.node->mark;
      return &level.node->items.emplace_back(std::move(node));
    }
    level.key_is_next = !level.key_is_next;
    if (level.key_is_next) {
      Entry& entry = level.node->entries.back();
      if (is_absent(node)) node.mark = entry.mark;
      return &(entry.value = std::move(node));
    }
    if (is_absent(node)) node.text = "null";
    level.node->entries.push_back(
        {.key = std::move(node.text), .mark = node.mark, .forbidden = node.forbidden, .value = {}});
    return &level.node->entries.back().value;
  }

  std::string_view text_;
  Node root_;
  std::vector<Level> levels_;
  std::size_t nodes_ = 0;
  std::size_t documents_ = 0;
};

// For byte `offset` of `text`.
Mark mark_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::ranges::count(before, '\n');
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
  return {.line = static_cast<int>(lines) + 1, .column = static_cast<int>(offset - line_start) + 1};
}

// yaml-cpp's own words start in either case and sometimes end in a full stop. After a colon newer
// ones quote the file, where a password may stand: *secret is an alias.
std::string render_syntax_problem(const std::string& message) {
  std::string text = "not YAML: " + render_excerpt(message.substr(0, message.find(": ")));
  while (text.ends_with('.') && !text.ends_with("...")) text.pop_back();
  return text;
}

std::optional<Node> parse(std::string_view text, Report& report) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(text);
    while (parser.HandleNextDocument(builder)) continue;
    if (builder.documents() == 1) return builder.take_root();
    report.add({}, "the file is empty");
  } catch (const Stop& stop) {
    report.add({stop.mark, ""}, stop.problem);
  } catch (const YAML::Exception& exception) {
    report.add({mark_of(exception.mark), ""}, render_syntax_problem(exception.msg));
  } catch (const std::exception& exception) {
    report.add({}, render_syntax_problem(exception.what()));
  }
  return std::nullopt;
}

}  // namespace

Node::Node(Kind its_kind, Mark its_mark, std::string its_text, std::string_view its_forbidden)
    : kind(its_kind), mark(its_mark), text(std::move(its_text)), forbidden(its_forbidden) {}

std::optional<Node> read_yaml(std::string_view text, Report& report) {
  if (text.size() > limits::kConfigBytesMax) {
    report.add({}, "the file is larger than " + std::to_string(limits::kConfigBytesMax) + " bytes");
    return std::nullopt;
  }
  // yaml-cpp skips a byte order mark without counting it, and all positions would be off.
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (const auto blemish = find_blemish(text)) {
    report.add({mark_at(text, blemish->offset), ""}, std::string(blemish->problem),
               "UTF-8 text indented with spaces");
    return std::nullopt;
  }
  return parse(text, report);
}

}  // namespace rpoguard::config
