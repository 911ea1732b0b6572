#include "exporter/config/settings.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "exporter/config/keys.hpp"
#include "exporter/config/text.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::config {
namespace {

namespace limits = core::limits;

// The key table by pattern: what may stand where. Built once per load.
class Schema {
 public:
  Schema() {
    for (const Key& key : all_keys()) {
      for (const std::string& place : places_of(key)) add(place, key);
    }
  }

  const Key* leaf(std::string_view pattern) const {
    const auto found = leaves_.find(pattern);
    return found == leaves_.end() ? nullptr : found->second;
  }
  /// Names that may stand in the map at `pattern`; null: no map is expected there.
  const std::set<std::string, std::less<>>* children(std::string_view pattern) const {
    const auto found = children_.find(pattern);
    return found == children_.end() ? nullptr : &found->second;
  }

 private:
  void add(const std::string& place, const Key& key) {
    leaves_.emplace(place, &key);
    std::size_t start = 0;
    while (start <= place.size()) {
      const std::size_t end = std::min(place.find('.', start), place.size());
      std::string name = place.substr(start, end - start);
      if (name.ends_with("[]")) name.resize(name.size() - 2);
      children_[place.substr(0, start == 0 ? 0 : start - 1)].insert(std::move(name));
      start = end + 1;
    }
  }

  std::map<std::string, const Key*, std::less<>> leaves_;
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> children_;
};

std::string join(std::string_view parent, std::string_view name) {
  std::string path(parent);
  if (!path.empty()) path += '.';
  return path += name;
}

std::string render_names(const std::set<std::string, std::less<>>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

// Where a key of this name may stand, if it is not a child of `pattern`; empty: nowhere.
std::string_view place_elsewhere(std::string_view name) {
  for (const Key& key : all_keys()) {
    const std::string_view last = key.path.substr(key.path.rfind('.') + 1);
    if (last == name) return key.path;
  }
  return {};
}

class Collector {
 public:
  explicit Collector(Report& report) : report_(report) {}

  Settings collect(const Node& root) {
    const At at{&root, ""};
    settings_.root = item_of(at);
    visit_map(at, "");
    return std::move(settings_);
  }

 private:
  static Settings::Item item_of(const At& at) {
    const bool is_map = at.node->kind == Node::Kind::map && at.node->forbidden.empty();
    return {.place = at.place(), .is_map = is_map};
  }

  // A node with an alias, anchor or tag is reported once and not looked into.
  bool refuse_forbidden(const At& at) {
    if (at.node->forbidden.empty()) return false;
    report_.add(at.place(), std::string(at.node->forbidden), "the value itself");
    return true;
  }

  void visit_map(const At& at, const std::string& pattern) {
    const auto& names = *schema_.children(pattern);
    if (refuse_forbidden(at)) return;
    if (at.node->kind != Node::Kind::map) {
      const bool absent = at.node->kind == Node::Kind::null;
      report_.add(at.place(), absent ? "has no value" : "must be a map of keys",
                  render_names(names));
      return;
    }
    std::map<std::string_view, Mark> seen;
    for (const Entry& entry : at.node->entries) {
      const bool shown = names.contains(entry.key) || entry.key == "<<" || is_plain_word(entry.key);
      const Place key_place{entry.mark, join(at.path, shown ? entry.key : "(not shown here)")};
      const auto [first, is_new] = seen.emplace(entry.key, entry.mark);
      if (!entry.forbidden.empty()) {
        report_.add(key_place, std::string(entry.forbidden), "a plain key");
      } else if (!names.contains(entry.key)) {
        report_unknown(key_place, entry.key, names);
      } else if (!is_new) {  // yaml-cpp takes the first silently
        report_.add(key_place, "written twice, first in line " + std::to_string(first->second.line),
                    "once");
      } else {
        visit({&entry.value, join(at.path, entry.key)}, join(pattern, entry.key));
      }
    }
  }

  void visit(const At& at, const std::string& pattern) {
    const std::string list_pattern = pattern + "[]";
    if (const Key* key = schema_.leaf(pattern)) {
      read(at, *key);
    } else if (schema_.children(list_pattern) != nullptr) {
      visit_list(at, list_pattern);
    } else {
      visit_map(at, pattern);
    }
  }

  void visit_list(const At& at, const std::string& pattern) {
    if (refuse_forbidden(at)) return;
    const bool is_shards = pattern == "shards[]";
    const bool is_hooks = pattern == "hooks[]";
    const std::size_t most = is_shards  ? limits::kShardsMax
                             : is_hooks ? limits::kHooksMax
                                        : limits::kNodesPerShardMax;
    const std::string allowed = "a list of 1.." + std::to_string(most);
    if (at.node->kind != Node::Kind::list) {
      const bool absent = at.node->kind == Node::Kind::null;
      report_.add(at.place(), absent ? "has no value" : "must be a list", allowed);
    } else if (at.node->items.size() > most) {
      report_.add(at.place(), "has " + std::to_string(at.node->items.size()) + " entries", allowed);
    } else if (at.node->items.empty()) {
      report_.add(at.place(), "is empty", allowed);
    }
    for (std::size_t i = 0; i < std::min(at.node->items.size(), most); ++i) {
      const At item{&at.node->items[i], at.path + "[" + std::to_string(i) + "]"};
      if (is_shards) {
        settings_.shards.push_back({.item = item_of(item), .nodes = {}});
      } else if (is_hooks) {
        settings_.hooks.push_back(item_of(item));
      } else {
        settings_.shards.back().nodes.push_back(item_of(item));
      }
      visit_map(item, pattern);
    }
    // Marks the list as written, so that only a missing one is called missing.
    settings_.by_path.emplace(at.path, Setting{.place = at.place(), .value = {}});
  }

  void read(const At& at, const Key& key) {
    Setting setting{.key = &key, .place = at.place(), .value = {}};
    if (!refuse_forbidden(at)) {
      setting.value = is_list(key.type) ? read_list(at, key) : read_scalar(at, key);
    }
    settings_.by_path.emplace(at.path, std::move(setting));
  }

  std::optional<Value> read_scalar(const At& at, const Key& key) {
    auto parsed = parse_value(key, *at.node);
    if (parsed.ok()) return std::move(parsed).value();
    report_.add(at.place(), parsed.error().message, render_allowed(key));
    return std::nullopt;
  }

  // How the elements of a list are read, and how many there may be.
  struct ListShape {
    Type first;
    Type rest;
    std::size_t most;
    bool different;  ///< each at most once
  };

  static ListShape shape_of(const Key& key) {
    // A region without a node is of no use, so there is one bound for both.
    constexpr std::size_t kFew = limits::kNodesPerShardMax;
    switch (key.type) {
      case Type::command:
        return {Type::path, Type::argument, limits::kCommandWordsMax, false};
      case Type::choices:
        return {Type::choice, Type::choice, key.choices.size(), true};
      case Type::dns_names:
        return {Type::dns_name, Type::dns_name, kFew, true};
      case Type::queries:
        return {Type::query, Type::query, kFew, false};
      case Type::settings:
        return {Type::argument, Type::argument, kFew, true};
      default:
        return {Type::label, Type::label, kFew, true};
    }
  }

  std::optional<Value> read_list(const At& at, const Key& key) {
    const ListShape shape = shape_of(key);
    const std::size_t count = at.node->items.size();
    const bool too_few = count == 0 && !key.optional;
    const bool is_list = at.node->kind == Node::Kind::list;
    if (!is_list || too_few || count > shape.most) {
      report_.add(at.place(), is_list ? "is not a list of this size" : "is not a list",
                  render_allowed(key));
      return std::nullopt;
    }
    std::vector<std::string> words;
    for (std::size_t i = 0; i < count; ++i) {
      const At item{&at.node->items[i], at.path + "[" + std::to_string(i) + "]"};
      const Key element{
          .path = key.path, .type = i == 0 ? shape.first : shape.rest, .choices = key.choices};
      if (refuse_forbidden(item)) continue;
      const auto value = read_scalar(item, element);
      if (!value) continue;
      const auto& word = std::get<std::string>(*value);
      if (shape.different && std::ranges::find(words, word) != words.end()) {
        report_.add(item.place(), "\"" + word + "\" is listed twice", "once");
      }
      words.push_back(word);
    }
    if (words.size() != count) return std::nullopt;
    return Value(std::move(words));
  }

  void report_unknown(const Place& place, const std::string& name,
                      const std::set<std::string, std::less<>>& names) {
    if (name == "password") {
      report_.add(place, "a password does not belong in this file",
                  "password_file with a path, or password_env with the name of a variable");
      return;
    }
    if (name == "<<") {
      report_.add(place, "merge keys (<<) are not supported", "`defaults` for what shards share");
      return;
    }
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    std::string_view guess = nearest(name, candidates);
    if (guess.empty()) guess = place_elsewhere(name);
    std::string problem = "unknown key";
    if (!guess.empty()) problem += ", did you mean \"" + std::string(guess) + "\"?";
    report_.add(place, std::move(problem), render_names(names));
  }

  Report& report_;
  Schema schema_;
  Settings settings_;
};

}  // namespace

Settings collect_settings(const Node& root, Report& report) {
  return Collector(report).collect(root);
}

}  // namespace rpoguard::config
