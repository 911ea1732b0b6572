#include "tests/bench/peer.hpp"

#include <chrono>
#include <stdexcept>

#include "tests/support/eventually.hpp"
#include "tests/support/http.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::bench {
namespace {

constexpr const char* kProgram = "prometheus-postgres-exporter";
constexpr std::chrono::seconds kStartDeadline{30};

}  // namespace

std::string peer_version() {
  std::string text;
  try {
    text = test::run_command({.argv = {kProgram, "--version"}}).output;
  } catch (const std::runtime_error&) {
    throw std::runtime_error(std::string(kProgram) +
                             " is not in PATH: apt-get install --no-install-recommends " +
                             kProgram);
  }
  const std::size_t word = text.find("version ");
  if (word == std::string::npos) throw std::runtime_error("unknown peer: " + text);
  const std::size_t begin = word + 8;
  return text.substr(begin, text.find_first_of(" ,\n", begin) - begin);
}

Peer::Peer(const test::Server& server, const std::string& role,
           const std::vector<std::string>& arguments)
    : port_(test::free_port()) {
  test::SpawnOptions options;
  options.argv = {kProgram, "--web.listen-address=127.0.0.1:" + std::to_string(port_)};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.env = {{"DATA_SOURCE_NAME", "postgresql://" + role +
                                          "@127.0.0.1:" + std::to_string(server.port()) +
                                          "/postgres?sslmode=disable"}};
  options.output = dir_ / "log";
  process_ = std::make_unique<test::Process>(options);
  const bool reaches = test::eventually(kStartDeadline, [this] {
    const auto page = test::http_get(port_, "/metrics");
    return page && page->body.find("\npg_up 1\n") != std::string::npos;
  });
  if (!reaches) {
    throw std::runtime_error("the peer does not reach its server: " +
                             test::read_file(dir_ / "log"));
  }
}

}  // namespace rpoguard::bench
