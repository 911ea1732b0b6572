#include "exporter/observe/postgres/announced_name.hpp"

#include <algorithm>

#include "exporter/base/text.hpp"

namespace rpoguard::observe {

namespace {

/// Where neither primary_conninfo nor cluster_name gives a name.
constexpr std::string_view kDefaultName = "walreceiver";
/// NAMEDATALEN - 1: what is longer is cut off.
constexpr std::size_t kNameMax = 63;

constexpr std::string_view kName = "application_name=";
constexpr std::string_view kFallback = " fallback_application_name=";

bool is_word(char c) {
  return base::is_letter(c) || c == '_';
}

// Up to the next " keyword=".
std::string_view first_value(std::string_view text) {
  for (auto space = text.find(' '); space != std::string_view::npos;
       space = text.find(' ', space + 1)) {
    const auto rest = text.substr(space + 1);
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_word);
    if (end != rest.begin() && end != rest.end() && *end == '=') return text.substr(0, space);
  }
  return text;
}

// A walreceiver always gives the fallback, and libpq lists it right behind the name proper.
std::optional<std::string_view> written_name(std::string_view conninfo) {
  const auto fallback = conninfo.rfind(kFallback);
  if (fallback == std::string_view::npos) return std::nullopt;
  const auto before = conninfo.substr(0, fallback);
  const auto name = before.starts_with(kName) ? 0 : before.find(" " + std::string(kName));
  if (name != std::string_view::npos) return before.substr(before.find('=', name) + 1);
  return first_value(conninfo.substr(fallback + kFallback.size()));
}

}  // namespace

std::optional<std::string> announced_name(std::string_view conninfo) {
  const auto name = written_name(conninfo);
  if (!name || name->empty() || *name == kDefaultName) return std::nullopt;
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::ranges::all_of(*name, is_plain)) return std::nullopt;
  return std::string(name->substr(0, kNameMax));
}

}  // namespace rpoguard::observe
