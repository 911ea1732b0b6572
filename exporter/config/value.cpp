#include "exporter/config/value.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <arpa/inet.h>

#include "exporter/base/check.hpp"
#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"
#include "exporter/config/text.hpp"
#include "exporter/core/model/limits.hpp"
#include "exporter/core/model/url.hpp"

namespace rpoguard::config {
namespace {

using base::Error;
using base::is_digit;
using base::is_letter;
using base::Result;

constexpr std::size_t kPathBytesMax = 4095;     // PATH_MAX without the zero byte
constexpr std::size_t kSocketDirBytesMax = 90;  // sun_path holds 107 with "/.s.PGSQL.65535"

Error refusal(std::string text) {
  return Error{.message = std::move(text)};
}

std::string quote(std::string_view text) {
  return is_plain_word(text) ? '"' + std::string(text) + '"' : "the value (not shown here)";
}

// "010" is refused: YAML 1.1 would read 8, a person 10.
template <typename Number>
std::optional<Number> parse_plain_number(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || !is_digit(digits.front()) || !is_digit(digits.back())) return std::nullopt;
  if (digits.size() > 1 && digits.front() == '0' && digits[1] != '.') return std::nullopt;
  return base::parse_number<Number>(text);
}

template <typename Quantity>
bool in_range(const Range& range, Quantity value, Quantity low, Quantity high) {
  const bool above = range.low_excluded ? value > low : value >= low;
  const bool below = range.high_excluded ? value < high : value <= high;
  return above && below;
}

// The bounds are texts of the table; a bad one is a bug.
template <typename Quantity, typename Parse>
Result<Value> parse_quantity(const Key& key, std::string_view text, std::string_view what,
                             Parse parse) {
  const std::optional<Quantity> value = parse(text);
  if (!value) return refusal(quote(text) + " is not " + std::string(what));
  const auto low = parse(key.range.low);
  const auto high = parse(key.range.high);
  RPOGUARD_CHECK(low && high);
  if (!in_range<Quantity>(key.range, *value, *low, *high)) {
    return refusal(quote(text) + " is out of range");
  }
  return Value(*value);
}

Result<Value> parse_duration_value(const Key& key, std::string_view text) {
  if (!key.range.or_word.empty() && text == key.range.or_word) {
    return Value(MaybeDuration(core::parse_duration(text)));  // "off" is no duration: none
  }
  if (core::parse_duration(text) == core::Duration::zero() && key.range.or_word == "0s") {
    return Value(MaybeDuration(core::Duration::zero()));
  }
  const auto parsed = parse_quantity<core::Duration>(
      key, text, "a duration with a unit such as 800ms, 5s, 10m or 1h30m", core::parse_duration);
  return parsed;
}

Result<Value> parse_choice(const Key& key, std::string_view text) {
  if (std::ranges::find(key.choices, text) != key.choices.end()) return Value(std::string(text));
  const std::string_view guess = nearest(text, key.choices);
  return refusal(quote(text) + " is not known" +
                 (guess.empty() ? "" : ", did you mean " + quote(guess) + "?"));
}

Result<Value> parse_boolean(std::string_view text) {
  if (text == "true") return Value(true);
  if (text == "false") return Value(false);
  return refusal(quote(text) + " is not true or false");
}

bool is_ipv6(std::string_view text) {
  const std::string address(text.substr(0, text.find('%')));
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
}

Result<Value> parse_host(std::string_view text) {
  if (text.starts_with('/')) {
    if (text.size() <= kSocketDirBytesMax && is_printable(text)) return Value(std::string(text));
    return refusal("not the path of a socket directory");
  }
  if (core::is_host_name(text) || (is_printable(text) && is_ipv6(text)))
    return Value(std::string(text));
  if (text.find(',') != std::string_view::npos) {
    return refusal("a list of hosts; each server is a node of its own");
  }
  if (text.find(':') != std::string_view::npos) {
    return refusal("not a host; the port is a key of its own");
  }
  return refusal("not a host");
}

Result<Value> parse_dns_name(std::string_view text) {
  const std::string_view name = text.substr(text.starts_with("*.") ? 2 : 0);
  if (text == "*" || core::is_host_name(name)) return Value(std::string(text));
  if (const std::size_t colon = text.rfind(':');
      colon != std::string_view::npos && core::is_host_name(text.substr(0, colon)))
    return refusal(quote(text) + " has a port, which does not belong to the name");
  return refusal(quote(text) + " is no name in the DNS");
}

// What an optional key yields that is not set.
Value unset(const Key& key) {
  if (is_list(key.type)) return std::vector<std::string>();
  if (key.type == Type::address) return core::ListenSpec{};
  return std::string();
}

Result<Value> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']'))
    return refusal(quote(text) + " has no port");
  const auto port = parse_plain_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return refusal(quote(text) + " has no port from 0 to 65535");
  std::string_view host = text.substr(0, colon);
  // As Prometheus users write it.
  if (host.empty()) return Value(core::ListenSpec{.host = "::", .port = *port});
  const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && is_ipv6(host))
    return refusal(quote(text) + " has an IPv6 address, which stands in brackets");
  if (bracketed ? !is_ipv6(host) : !core::is_host_name(host)) {
    return refusal(quote(text) + " does not name a host");
  }
  return Value(core::ListenSpec{.host = std::string(host), .port = *port});
}

Result<Value> parse_label(std::string_view text) {
  if (text.empty()) return refusal("must not be empty");
  if (text.size() > core::limits::kNameBytesMax) return refusal("is too long");
  if (!is_printable(text)) return refusal("has characters that cannot be seen");
  if (text.find_first_of(" /?#") != std::string_view::npos) {
    return refusal("has a character that cannot be part of a path");
  }
  // Clients and proxies resolve these before the gate sees them.
  if (text == "." || text == "..") return refusal("is not a name but a step in a path");
  return Value(std::string(text));
}

Result<Value> parse_text(std::string_view text) {
  if (text.empty()) return refusal("must not be empty");
  if (text.size() > core::limits::kNameBytesMax) return refusal("is too long");
  if (!is_printable(text)) return refusal("has characters that cannot be seen");
  return Value(std::string(text));
}

Result<Value> parse_path(std::string_view text) {
  if (!text.starts_with('/')) return refusal("is not an absolute path");
  if (text.size() > kPathBytesMax || !is_printable(text)) return refusal("is not a usable path");
  return Value(std::string(text));
}

// Several lines and one ; at the end are fine. A ; before is refused wherever it stands: two
// statements are never meant, and telling them from a literal would take a parser of SQL.
Result<Value> parse_query(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n";
  text = base::trim_back(text, kBlank);
  if (text.ends_with(';')) text = base::trim_back(text.substr(0, text.size() - 1), kBlank);
  if (text.empty()) return refusal("must not be empty");
  if (text.size() > core::limits::kQueryBytesMax) return refusal("is too long");
  if (text.find(';') != std::string_view::npos) return refusal("has a ; before its end");
  std::string on_one_line(text);
  std::ranges::replace_if(
      on_one_line, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  if (!is_printable(on_one_line)) return refusal("has characters that cannot be seen");
  return Value(std::string(text));
}

Result<Value> parse_pointer(std::string_view text) {
  if (!text.starts_with('/')) return refusal("does not start with /");
  if (text.size() > core::limits::kPointerBytesMax) return refusal("is too long");
  if (!is_printable(text)) return refusal("has characters that cannot be seen");
  for (std::size_t i = text.find('~'); i != std::string_view::npos; i = text.find('~', i + 1)) {
    const std::string_view escape = text.substr(i, 2);
    if (escape != "~0" && escape != "~1") return refusal("has a ~ that is not ~0 (~) or ~1 (/)");
  }
  return Value(std::string(text));
}

// An encoded character takes the place of {shard}: it fits where an id fits, and not in a host.
Result<Value> parse_url(std::string_view text) {
  if (text.size() > core::limits::kUrlBytesMax) return refusal("is too long");
  const auto url = core::split_url(replace_shard(text, "%7B"));
  if (!url) {
    const bool may_be_secret = text.find('@') != std::string_view::npos;
    return refusal(url.error().message + (may_be_secret ? "; a secret belongs in token_file" : ""));
  }
  const bool bracketed = url.value().host.find(':') != std::string::npos;
  if (bracketed && !is_ipv6(url.value().host))
    return refusal("has no IPv6 address in its brackets");
  return Value(std::string(text));
}

Result<Value> parse_argument(std::string_view text) {
  if (text.size() > kPathBytesMax) return refusal("is too long");
  if (!is_printable(text)) return refusal("has characters that cannot be seen");
  return Value(std::string(text));
}

Result<Value> parse_env_name(std::string_view text) {
  const auto accepted = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  if (text.empty() || is_digit(text.front()) || !std::ranges::all_of(text, accepted)) {
    return refusal("is not the name of an environment variable");
  }
  // PGPASSWORD and the like: every connection without a password of its own would send it.
  if (text.starts_with("PG") && text.find('_') == std::string_view::npos) {
    return refusal("is a name that libpq reads for all servers; take another one");
  }
  return Value(std::string(text));
}

bool needs_plain_scalar(const Key& key) {
  return key.type == Type::boolean || key.type == Type::duration || key.type == Type::integer ||
         key.type == Type::number;
}

Result<Value> parse_scalar(const Key& key, std::string_view text) {
  switch (key.type) {
    case Type::address:
      return parse_address(text);
    case Type::argument:
      return parse_argument(text);
    case Type::boolean:
      return parse_boolean(text);
    case Type::choice:
      return parse_choice(key, text);
    case Type::dns_name:
      return parse_dns_name(text);
    case Type::duration:
      return parse_duration_value(key, text);
    case Type::env_name:
      return parse_env_name(text);
    case Type::host:
      return parse_host(text);
    case Type::integer:
      return parse_quantity<std::int64_t>(key, text, "a whole number",
                                          parse_plain_number<std::int64_t>);
    case Type::label:
      return parse_label(text);
    case Type::command:  // uncovered: lists are read by their elements
    case Type::dns_names:
    case Type::labels:
    case Type::choices:
    case Type::queries:
    case Type::settings:
      break;  // uncovered: as above
    case Type::number:
      return parse_quantity<double>(key, text, "a number", parse_plain_number<double>);
    case Type::path:
      return parse_path(text);
    case Type::pointer:
      return parse_pointer(text);
    case Type::query:
      return parse_query(text);
    case Type::text:
      return parse_text(text);
    case Type::url:
      return parse_url(text);
  }
  RPOGUARD_CHECK(false);  // uncovered: as above
}

}  // namespace

base::Result<Value> parse_value(const Key& key, const Node& node) {
  if (node.kind == Node::Kind::null) return refusal("has no value");
  if (!node.is_scalar()) return refusal("must be a single value, not a list or a map");
  // A quoted "5" or "on" is text; yaml-cpp would convert it.
  if (node.kind == Node::Kind::quoted && needs_plain_scalar(key)) {
    return refusal("must be written without quotes");
  }
  if (key.optional && node.text.empty()) return unset(key);
  return parse_scalar(key, node.text);
}

std::optional<Value> default_of(const Key& key) {
  if (key.required || key.default_text.starts_with('(')) return std::nullopt;
  if (key.optional) return unset(key);
  const Node node(Node::Kind::plain, {}, std::string(key.default_text));
  auto parsed = parse_value(key, node);
  RPOGUARD_CHECK(parsed.ok());
  return std::move(parsed).value();
}

}  // namespace rpoguard::config
