#include "exporter/serve/http/host_guard.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "exporter/base/text.hpp"

namespace rpoguard::serve {
namespace {

// RFC 6761, 6762, 8375 and 9476, what ICANN delegates to nobody, and what Kubernetes uses.
constexpr std::array<std::string_view, 10> kPrivate{
    ".localhost", ".local", ".internal", ".home.arpa", ".alt",
    ".test",      ".svc",   ".corp",     ".home",      ".lan"};

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

// Numbers and dots: no top-level domain is a number.
bool is_address(std::string_view host) {
  const std::size_t last = host.rfind('.') + 1;
  return host.starts_with('[') ||
         (last < host.size() && std::ranges::all_of(host.substr(last), base::is_digit));
}

bool matches(std::string_view host, std::string_view name) {
  if (name == "*") return true;
  if (!name.starts_with("*.")) return host == base::lower(name);
  return host.size() > name.size() - 1 && host.ends_with(base::lower(name.substr(1)));
}

}  // namespace

bool is_own_host(std::string_view host, const std::vector<std::string>& more) {
  std::string name = base::lower(without_port(host));
  if (name.ends_with('.')) name.pop_back();
  if (name.find('.') == std::string::npos || is_address(name)) return true;
  return std::ranges::any_of(kPrivate, [&](auto end) { return name.ends_with(end); }) ||
         std::ranges::any_of(more, [&](const auto& one) { return matches(name, one); });
}

HttpHandler with_own_host(HttpHandler handler, std::vector<std::string> more) {
  return [handler = std::move(handler), more = std::move(more)](const HttpRequest& request) {
    const auto host = find_header(request.headers, "host");
    if (!host || request.authenticated || is_own_host(*host, more)) return handler(request);
    return text_response(421,
                         "this listener is not asked for by that name: add it to listen.ops_hosts "
                         "in the configuration\n");
  };
}

}  // namespace rpoguard::serve
