#include "exporter/config/check_hooks.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <string_view>

#include "exporter/config/findings.hpp"

namespace rpoguard::config {
namespace {

// Which types have a use for a key.
struct Use {
  std::string_view key;
  std::array<std::string_view, 3> types;
  bool needed;
};

constexpr std::array kUses{
    Use{"events", {"webhook", "command", "sql"}, false},
    Use{"url", {"webhook", "alertmanager"}, true},
    Use{"secret_file", {"webhook"}, false},
    Use{"token_file", {"webhook", "alertmanager"}, false},
    Use{"ca_file", {"webhook", "alertmanager"}, false},
    Use{"command", {"command"}, true},
    Use{"sql", {"sql"}, true},
    Use{"user", {"sql"}, false},
    Use{"password_file", {"sql"}, false},
    Use{"dbname", {"sql"}, false},
    Use{"labels", {"alertmanager"}, false},
};

bool is_label_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

class HookCheck {
 public:
  HookCheck(const Resolver& resolver, std::size_t index, Report& report)
      : resolver_(resolver), index_(index), report_(report) {}

  void run() {
    const auto type = resolver_.hook<std::string>(index_, "type");
    if (type.value) {
      for (const Use& use : kUses) check_use(use, *type.value);
    }
    check_labels();
    check_url();
    check_token();
  }

 private:
  std::string path(std::string_view name) const {
    return resolver_.settings().hooks[index_].place.path + "." + std::string(name);
  }

  // The empty text and the empty list mean: not set.
  bool is_set(const Setting& setting) const {
    if (!setting.value) return true;  // refused, and reported
    if (const auto* text = std::get_if<std::string>(&*setting.value)) return !text->empty();
    return !std::get<std::vector<std::string>>(*setting.value).empty();
  }

  void check_use(const Use& use, const std::string& type) {
    const auto& written = resolver_.settings().by_path;
    const auto found = written.find(path(use.key));
    const bool set = found != written.end() && is_set(found->second);
    const bool useful = std::ranges::find(use.types, type) != use.types.end();
    if (set && !useful) {
      report_.add(found->second.place, "is of no use to a hook of type " + type,
                  "leave it out, or another type");
    }
    if (!set && useful && use.needed) {
      report_.add({resolver_.settings().hooks[index_].place.mark, path(use.key)},
                  "is missing: a hook of type " + type + " needs it",
                  render_allowed(key_of("hooks[]." + std::string(use.key))));
    }
  }

  void check_labels() {
    const auto labels = resolver_.hook<std::vector<std::string>>(index_, "labels");
    if (!labels.value) return;
    for (const std::string& label : *labels.value) {
      const std::size_t equals = label.find('=');
      if (equals != std::string::npos && is_label_name(label.substr(0, equals))) continue;
      report_.add(*labels.written, quote(label) + " is not NAME=VALUE with the name of a label",
                  "e.g. [\"job=rpoguard\", \"instance=10.0.0.1:10187\"]");
    }
  }

  // An event is of one shard or of none: there is no id to put into the address.
  void check_url() {
    const auto url = resolver_.hook<std::string>(index_, "url");
    if (!url.value || url.value->find("{shard}") == std::string::npos) return;
    report_.add(*url.written, "{shard} is not replaced here", "the shard is in the event itself");
  }

  void check_token() {
    const auto url = resolver_.hook<std::string>(index_, "url");
    const auto token = resolver_.hook<std::string>(index_, "token_file");
    if (!url.value || !token.value || token.value->empty() || !goes_in_clear_text(*url.value))
      return;
    report_.add(*token.written,
                "token_file with an http:// url, which would send the token in clear text",
                "an https:// url, or one of this host");
  }

  const Resolver& resolver_;
  const std::size_t index_;
  Report& report_;
};

}  // namespace

void check_hooks(const Resolver& resolver, Report& report) {
  std::map<std::string, std::size_t> names;
  for (std::size_t i = 0; i < resolver.settings().hooks.size(); ++i) {
    if (!resolver.settings().hooks[i].is_map) continue;
    HookCheck(resolver, i, report).run();
    const auto name = resolver.hook<std::string>(i, "name");
    if (!name.value) continue;
    const auto [first, is_new] = names.emplace(*name.value, i);
    if (is_new) continue;
    report.add(*name.written,
               "hook name " + quote(*name.value) + " is taken by hooks[" +
                   std::to_string(first->second) + "]",
               "a name of its own");
  }
}

}  // namespace rpoguard::config
