#include "tests/rules/example_routes.hpp"

#include <yaml-cpp/yaml.h>

namespace rpoguard::test {

std::string example_routes() {
  return std::string(RPOGUARD_SOURCE_DIR) + "/rules/alertmanager.example.yml";
}

std::string with_webhooks(std::uint16_t port, const std::string& group_interval,
                          const std::string& group_wait) {
  YAML::Node config = YAML::LoadFile(example_routes());
  config.remove("global");
  config["route"]["group_wait"] = group_wait;
  for (YAML::Node route : config["route"]["routes"]) {
    if (route["group_wait"] && route["group_wait"].as<std::string>() == "10s")
      route["group_wait"] = group_wait;
  }
  config["route"]["group_interval"] = group_interval;
  YAML::Node receivers;
  for (const YAML::Node& receiver : config["receivers"]) {
    YAML::Node replacement;
    const std::string name = receiver["name"].as<std::string>();
    replacement["name"] = name;
    if (name != "nobody")
      replacement["webhook_configs"][0]["url"] =
          "http://127.0.0.1:" + std::to_string(port) + "/" + name;
    receivers.push_back(replacement);
  }
  config["receivers"] = receivers;
  return YAML::Dump(config) + "\n";
}

}  // namespace rpoguard::test
