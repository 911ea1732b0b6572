#include "exporter/config/member.hpp"

namespace rpoguard::config {

template <>
std::optional<core::ListenSpec> value_as(const Value& value, const Words& /*words*/) {
  const auto& address = std::get<core::ListenSpec>(value);
  return address.host.empty() ? std::nullopt : std::optional(address);
}

template <>
std::vector<core::EventKind> value_as(const Value& value, const Words& words) {
  std::vector<core::EventKind> kinds;
  for (const std::string& word : std::get<std::vector<std::string>>(value))
    kinds.push_back(value_as<core::EventKind>(Value(word), words));
  return kinds;
}

template <>
std::map<std::string, std::string> value_as(const Value& value, const Words& /*words*/) {
  std::map<std::string, std::string> settings;
  for (const std::string& setting : std::get<std::vector<std::string>>(value)) {
    const std::size_t equals = setting.find('=');
    settings.emplace(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return settings;
}

}  // namespace rpoguard::config
