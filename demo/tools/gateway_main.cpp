// rpoguard-demo-gateway: a gateway under constant load. One logfmt line per second.
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "demo/tools/gateway.hpp"
#include "demo/tools/signals.hpp"
#include <CLI/CLI.hpp>

namespace {

using namespace rpoguard::demo;

CLI::Validator address_check() {
  return CLI::Validator(
      [](const std::string& text) {
        return parse_address(text) ? std::string() : "not IPV4:PORT: " + text;
      },
      "IPV4:PORT");
}

bool add_nodes(GatewayOptions& options, const std::vector<std::string>& nodes) {
  for (const std::string& node : nodes) {
    const std::size_t equals = node.find('=');
    const auto address = parse_address(equals == std::string::npos ? "" : node.substr(equals + 1));
    if (!address) {
      std::cerr << "not NAME=IPV4:PORT: " << node << '\n';
      return false;
    }
    options.nodes[node.substr(0, equals)] = *address;
  }
  return true;
}

bool read_password(const std::string& file, std::string& password) {
  if (file.empty()) return true;
  std::ifstream in(file);
  if (std::getline(in, password)) return true;
  std::cerr << "cannot read a password from " << file << '\n';
  return false;
}

void report(const Gateway& gateway, const std::string& shard, GatewayCounters& before) {
  const GatewayCounters now = gateway.counters();
  std::cout << "shard=" << shard << " writer=" << gateway.writer()
            << " acked_per_s=" << now.acked - before.acked
            << " refused_per_s=" << now.refused - before.refused
            << " failed_per_s=" << now.failed - before.failed << " acked=" << now.acked
            << " refused=" << now.refused << " failed=" << now.failed
            << " unanswered=" << now.unanswered << " gate_asked=" << now.gate_asked;
  const std::string trouble = gateway.trouble();
  if (!trouble.empty()) std::cout << " trouble=\"" << trouble << '"';
  std::cout << std::endl;
  before = now;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Writes to a shard as long as its gate is open"};
  GatewayOptions options;
  options.keep_commits = false;
  std::string gate;
  std::string password_file;
  std::vector<std::string> nodes;
  app.add_option("--shard", options.shard)->required();
  app.add_option("--gate", gate, "rpoguard's gate listener")->check(address_check());
  app.add_option("--node", nodes, "NAME=IPV4:PORT, may be repeated")->required();
  app.add_option("--dbname", options.dbname);
  app.add_option("--user", options.user);
  app.add_option("--password-file", password_file);
  app.add_option("--rate", options.rate, "writes per second");
  app.add_option("--workers", options.workers)->check(CLI::Range(1, 256));
  app.add_option("--log", options.log_file, "one line per acknowledged commit");
  app.add_option("--ungated", options.ungated_writer, "write to this node, never ask");
  CLI11_PARSE(app, argc, argv);
  const auto address = parse_address(gate);
  if (!address && options.ungated_writer.empty()) {
    std::cerr << "either --gate or --ungated is needed\n";
    return 2;
  }
  options.gate = address.value_or(Address{});
  if (!add_nodes(options, nodes) || !read_password(password_file, options.password)) return 2;

  const sigset_t signals = block_stop_signals();
  Gateway gateway(options);
  gateway.start();
  GatewayCounters before;
  while (!stop_requested(signals, 1)) report(gateway, options.shard, before);
  gateway.stop();
  report(gateway, options.shard, before);
}
