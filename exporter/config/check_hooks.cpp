#include "exporter/config/check_hooks.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "exporter/base/text.hpp"
#include "exporter/config/findings.hpp"

namespace rpoguard::config {
namespace {

using core::HookSpec;
using core::HookType;

bool is_label_name(std::string_view text) {
  const auto letter = [](char c) { return base::is_letter(c) || c == '_'; };
  return !text.empty() && letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || base::is_digit(c); });
}

class HookCheck {
 public:
  HookCheck(const KeyResolver& resolver, HookAt at, Report& report)
      : resolver_(resolver), at_(at), report_(report) {}

  void run() {
    const auto type = resolver_.get<&HookSpec::type>(at_);
    if (type.value) {
      for (const Key& key : all_keys()) check_use(key, *type.value);
    }
    check_labels();
    check_url();
    check_token();
  }

 private:
  // The empty text and the empty list mean: not set.
  static bool is_set(const Setting& setting) {
    if (!setting.value) return true;  // refused, and reported
    if (const auto* text = std::get_if<std::string>(&*setting.value)) return !text->empty();
    return !std::get<std::vector<std::string>>(*setting.value).empty();
  }

  void check_use(const Key& key, HookType type) {
    if (key.hook_types.empty()) return;
    const std::string path = KeyResolver::places(key, at_).front();
    const Setting* written = resolver_.written_at(path);
    const bool set = written != nullptr && is_set(*written);
    const bool useful = std::ranges::find(key.hook_types, type) != key.hook_types.end();
    if (set && !useful) {
      report_.add(written->place, std::string("is of no use to a hook of type ") + name_of(type),
                  "leave it out, or another type");
    }
    if (!set && useful && key.needed) {
      report_.add({resolver_.settings().hooks[at_.hook].place.mark, path},
                  std::string("is missing: a hook of type ") + name_of(type) + " needs it",
                  render_allowed(key));
    }
  }

  void check_labels() {
    const auto labels = resolver_.get(key_of<&HookSpec::labels>(), at_);
    if (!labels.value) return;
    for (const std::string& label : std::get<std::vector<std::string>>(*labels.value)) {
      const std::size_t equals = label.find('=');
      if (equals != std::string::npos && is_label_name(label.substr(0, equals))) continue;
      report_.add(*labels.written, quote(label) + " is not NAME=VALUE with the name of a label",
                  "e.g. [\"job=rpoguard\", \"instance=10.0.0.1:10187\"]");
    }
  }

  // An event is of one shard or of none: there is no id to put into the address.
  void check_url() {
    const auto url = resolver_.get<&HookSpec::url>(at_);
    if (!url.value || url.value->find("{shard}") == std::string::npos) return;
    report_.add(*url.written, "{shard} is not replaced here", "the shard is in the event itself");
  }

  void check_token() {
    const auto url = resolver_.get<&HookSpec::url>(at_);
    const auto token = resolver_.get<&HookSpec::token_file>(at_);
    if (!url.value || !token.value || token.value->empty() || !goes_in_clear_text(*url.value))
      return;
    report_.add(*token.written,
                name_of(token) + " with an http:// url, which would send the token in clear text",
                "an https:// url, or one of this host");
  }

  const KeyResolver& resolver_;
  const HookAt at_;
  Report& report_;
};

}  // namespace

void check_hooks(const KeyResolver& resolver, Report& report) {
  std::map<std::string, std::size_t> names;
  for (std::size_t i = 0; i < resolver.settings().hooks.size(); ++i) {
    if (!resolver.settings().hooks[i].is_map) continue;
    const HookAt at{.hook = i};
    HookCheck(resolver, at, report).run();
    const auto name = resolver.get<&HookSpec::name>(at);
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
