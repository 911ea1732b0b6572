#include "demo/tools/link_control.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "demo/tools/net.hpp"

#include "exporter/base/number.hpp"

namespace rpoguard::demo {
namespace {

using Action = std::function<void(Link&)>;

std::optional<std::uint64_t> parse_up_to(std::uint64_t max, const std::string& text) {
  const auto number = base::parse_number<std::uint64_t>(text);
  return number && *number <= max ? number : std::nullopt;
}

Action parse_cut(const std::string& argument) {
  if (argument.empty()) return [](Link& link) { link.cut(); };
  if (argument == "to_target") return [](Link& link) { link.cut(Direction::to_target); };
  if (argument == "to_client") return [](Link& link) { link.cut(Direction::to_client); };
  return nullptr;
}

/// Empty: no such verb, or a wrong argument.
Action parse_action(const std::string& verb, const std::string& argument) {
  if (verb == "cut") return parse_cut(argument);
  if (verb == "heal" && argument.empty()) return [](Link& link) { link.heal(); };
  if (verb == "refuse" && argument.empty()) return [](Link& link) { link.refuse(); };
  if (verb == "delay") {
    if (const auto ms = parse_up_to(3'600'000, argument)) {
      return [ms](Link& link) {
        link.set_delay(std::chrono::milliseconds(static_cast<std::int64_t>(*ms)));
      };
    }
  }
  if (verb == "rate") {
    if (const auto rate = parse_up_to(1'000'000'000'000, argument)) {
      return [rate](Link& link) { link.set_rate(*rate); };
    }
  }
  return nullptr;
}

std::string render_status(const Links& links) {
  std::ostringstream out;
  for (const auto& [name, link] : links) {
    out << "link=" << name << " port=" << link->port() << " state=" << name_of(link->state())
        << " connections=" << link->connections()
        << " bytes_to_target=" << link->bytes(Direction::to_target)
        << " bytes_to_client=" << link->bytes(Direction::to_client) << '\n';
  }
  return out.str();
}

}  // namespace

std::string control_links(const Links& links, const std::string& command) {
  std::istringstream words(command);
  std::string verb;
  std::string name;
  std::string argument;
  std::string rest;
  words >> verb >> name >> argument >> rest;
  if (verb == "status" && name.empty()) return render_status(links);
  const Action action = rest.empty() ? parse_action(verb, argument) : nullptr;
  if (!action) return "error: not understood: " + command + "\n";
  if (name == "all") {
    for (const auto& [each, link] : links) action(*link);
    return "ok\n";
  }
  const auto found = links.find(name);
  if (found == links.end()) return "error: no link named " + name + "\n";
  action(*found->second);
  return "ok\n";
}

void add_link(Links& links, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.find(':', equals == std::string::npos ? 0 : equals);
  const std::string problem = "not name=listen_port:host:port: " + text;
  if (equals == std::string::npos || equals == 0 || colon == std::string::npos) {
    throw std::invalid_argument(problem);
  }
  const auto listen =
      base::parse_number<std::uint16_t>(text.substr(equals + 1, colon - equals - 1));
  const auto target = parse_address(std::string_view(text).substr(colon + 1));
  if (!listen || !target) throw std::invalid_argument(problem);
  const LinkOptions options{static_cast<std::uint16_t>(*listen), target->host, target->port};
  if (!links.emplace(text.substr(0, equals), std::make_unique<Link>(options)).second) {
    throw std::invalid_argument("named twice: " + text.substr(0, equals));
  }
}

}  // namespace rpoguard::demo
