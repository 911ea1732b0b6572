#include "exporter/core/model/url.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"

namespace rpoguard::core {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // RFC 1035

base::Error problem(std::string text) {
  return {.message = std::move(text)};
}

bool is_unreserved(char c) {
  return base::is_letter(c) || base::is_digit(c) ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

bool looks_like_ipv6(std::string_view text) {
  const auto accepted = [](char c) { return base::is_hex_digit(c) || c == ':' || c == '.'; };
  return std::ranges::all_of(text, accepted) && std::ranges::count(text, ':') >= 2;
}

bool is_target(std::string_view text) {
  constexpr std::string_view kReserved = "!$&'()*+,;=:@/?";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const std::string_view digits = text.substr(i + 1, 2);
      if (digits.size() < 2 || !std::ranges::all_of(digits, base::is_hex_digit)) return false;
      i += 2;
    } else if (!is_unreserved(text[i]) && kReserved.find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  return text.starts_with('0') ? std::nullopt : base::parse_number<std::uint16_t>(text);
}

// HOST[:PORT] into `url`. True when both are well formed.
bool read_authority(std::string_view authority, Url& url) {
  const bool bracketed = authority.starts_with('[');
  const std::size_t host_end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && host_end == std::string_view::npos) return false;
  std::string_view host = authority.substr(0, host_end);
  if (bracketed) host.remove_prefix(1);
  if (bracketed ? !looks_like_ipv6(host) : !is_host_name(host)) return false;
  url.host = std::string(host);
  if (host_end == std::string_view::npos) return true;
  const std::string_view rest = authority.substr(host_end + (bracketed ? 1 : 0));
  if (rest.empty()) return true;
  const auto port = rest.starts_with(':') ? parse_port(rest.substr(1)) : std::nullopt;
  if (!port) return false;
  url.port = *port;
  return true;
}

}  // namespace

bool is_host_name(std::string_view text) {
  const auto accepted = [](char c) { return is_unreserved(c) && c != '~'; };
  return !text.empty() && text.size() <= kHostBytesMax && std::ranges::all_of(text, accepted) &&
         text.front() != '.' && text.front() != '-';
}

base::Result<Url> split_url(std::string_view text) {
  Url url;
  url.tls = text.starts_with("https://");
  if (!url.tls && !text.starts_with("http://")) {
    return problem("does not start with http:// or https://");
  }
  url.port = url.tls ? 443 : 80;
  const std::string_view rest = text.substr(url.tls ? 8 : 7);
  const std::size_t host_end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, host_end);
  if (authority.find('@') != std::string_view::npos) {
    return problem("has a user or a password before the host");
  }
  if (!read_authority(authority, url)) return problem("has no host name or address, or a bad port");
  const std::string_view target = rest.substr(host_end);
  if (target.find('#') != std::string_view::npos) return problem("has a fragment (#)");
  if (!is_target(target)) return problem("has a character that must be percent-encoded");
  url.target = target.starts_with('/') ? std::string(target) : '/' + std::string(target);
  return url;
}

}  // namespace rpoguard::core
