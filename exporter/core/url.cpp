#include "exporter/core/url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace rpoguard::core {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // RFC 1035

Error problem(std::string text) {
  return {.message = std::move(text), .hint = {}};
}

// The functions of <cctype> ask the locale.
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_unreserved(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || is_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos;
}

bool is_host_name(std::string_view text) {
  const auto accepted = [](char c) { return is_unreserved(c) && c != '~'; };
  return !text.empty() && text.size() <= kHostBytesMax && std::ranges::all_of(text, accepted) &&
         text.front() != '.' && text.front() != '-';
}

bool looks_like_ipv6(std::string_view text) {
  const auto accepted = [](char c) { return is_hex(c) || c == ':' || c == '.'; };
  return std::ranges::all_of(text, accepted) && std::ranges::count(text, ':') >= 2;
}

bool is_target(std::string_view text) {
  constexpr std::string_view kReserved = "!$&'()*+,;=:@/?";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
    } else if (!is_unreserved(text[i]) && kReserved.find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || text.front() == '0') return std::nullopt;
  return port;
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

Result<Url> split_url(std::string_view text) {
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

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4u];
    encoded += kDigits[byte & 0x0Fu];
  }
  return encoded;
}

}  // namespace rpoguard::core
