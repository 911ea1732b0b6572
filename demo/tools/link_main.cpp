// rpoguard-demo-link: wide-area links that can be broken.
//   serve --control SOCKET --link NAME=PORT:HOST:PORT ...     ctl SOCKET COMMAND...
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "demo/tools/link_control.hpp"
#include "demo/tools/net.hpp"
#include "demo/tools/signals.hpp"
#include <CLI/CLI.hpp>

namespace {

using namespace rpoguard::demo;
constexpr auto kPatience = std::chrono::seconds(5);

void answer(const Fd& client, const Links& links) {
  const auto deadline = boot_now() + kPatience;
  std::string command;
  while (command.find('\n') == std::string::npos && command.size() < 1024) {
    if (!receive_some(client, command, deadline)) return;
  }
  command.resize(command.find('\n'));
  std::cout << "command=\"" << command << '"' << std::endl;
  send_all(client, control_links(links, command), deadline);
}

int serve(const std::string& control, const std::vector<std::string>& descriptions) {
  const sigset_t signals = block_stop_signals();
  Links links;
  for (const std::string& description : descriptions) add_link(links, description);
  const Fd listener = listen_unix(control);
  if (!listener) {
    std::cerr << "cannot listen on " << control << '\n';
    return 1;
  }
  std::cout << control_links(links, "status") << std::flush;
  while (!stop_requested(signals, 0)) {
    const Fd client = accept_one(listener, boot_now() + std::chrono::milliseconds(500));
    if (client) answer(client, links);
  }
  return 0;
}

int control(const std::string& socket, const std::vector<std::string>& words) {
  std::string command;
  for (const std::string& word : words) command += (command.empty() ? "" : " ") + word;
  const auto deadline = boot_now() + kPatience;
  const Fd server = connect_unix(socket, deadline);
  if (!server || !send_all(server, command + "\n", deadline)) {
    std::cerr << "no link process answers on " << socket << '\n';
    return 1;
  }
  std::string reply;
  while (receive_some(server, reply, deadline)) {
  }
  const bool failed = reply.empty() || reply.rfind("error: ", 0) == 0;
  (failed ? std::cerr : std::cout) << (reply.empty() ? "error: no reply\n" : reply);
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"TCP links that can be cut, refused, delayed and throttled"};
  app.require_subcommand(1);
  std::string socket;
  std::vector<std::string> words;
  auto* serving = app.add_subcommand("serve", "run the links");
  serving->add_option("--control", socket, "Unix socket for ctl")->required();
  serving->add_option("--link", words, "NAME=LISTEN_PORT:HOST:PORT, may be repeated")->required();
  auto* ctl = app.add_subcommand("ctl", "control running links");
  ctl->add_option("socket", socket, "the --control socket")->required();
  ctl->add_option("command", words,
                  "status | cut NAME [to_target|to_client] | heal NAME | refuse NAME | "
                  "delay NAME MS | rate NAME BYTES")
      ->required();
  CLI11_PARSE(app, argc, argv);
  try {
    return serving->parsed() ? serve(socket, words) : control(socket, words);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
