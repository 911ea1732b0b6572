#include "tests/support/proxies.hpp"

#include <chrono>
#include <stdexcept>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/eventually.hpp"
#include "tests/support/http.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

constexpr std::chrono::seconds kProxyStart{30};
constexpr timeval kAnswerTimeout{.tv_sec = 5, .tv_usec = 0};

/// One question to a Unix socket whose answer ends with the connection. Empty when there is none.
std::string ask_socket(const std::string& path, const std::string& question) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("path too long: " + path);
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kAnswerTimeout, sizeof kAnswerTimeout);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, question.data(), question.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(question.size())) {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return answer;
}

}  // namespace

HaProxy::HaProxy(const std::string& sections) {
  give_to(unprivileged_user(), dir_.path());
  const std::string config = dir_ / "haproxy.cfg";
  write_file(config, "global\n  stats socket " + (dir_ / "socket").string() +
                         " mode 600 level admin\n"
                         "defaults\n  timeout connect 1s\n  timeout client 30s\n"
                         "  timeout server 30s\n  retries 0\n" +
                         sections);
  process_ = std::make_unique<Process>(SpawnOptions{.argv = {"haproxy", "-db", "-f", config},
                                                    .user = unprivileged_user(),
                                                    .output = dir_ / "log",
                                                    .directory = dir_.path()});
  const bool up = eventually(kProxyStart, [&] {
    return !process_->running() || !ask_socket(dir_ / "socket", "show info\n").empty();
  });
  if (!up || !process_->running()) throw std::runtime_error("haproxy is not up: " + log());
}

std::string HaProxy::command(const std::string& text) const {
  const std::string answer = ask_socket(dir_ / "socket", text + "\n");
  if (answer.empty()) throw std::runtime_error("haproxy does not answer to: " + text);
  return answer;
}

void HaProxy::lead(const std::string& backend_and_server, std::uint16_t port) const {
  const std::string answer =
      command("set server " + backend_and_server + " addr 127.0.0.1 port " + std::to_string(port));
  if (answer.find("port changed") == std::string::npos)
    throw std::runtime_error("haproxy: " + answer);
}

Nginx::Nginx(const std::string& http, std::uint16_t port) {
  write_file(dir_ / "log", "");
  give_to(unprivileged_user(), dir_.path());
  const std::string dir = dir_.path().string();
  std::string config = "daemon off;\nworker_processes 1;\npid " + dir + "/pid;\nerror_log " + dir +
                       "/log info;\nevents { worker_connections 256; }\nhttp {\naccess_log off;\n";
  for (const std::string kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    config += kind + "_temp_path " + dir + "/" + kind + ";\n";
  write_file(dir_ / "nginx.conf", config + http + "}\n");
  process_ = std::make_unique<Process>(
      SpawnOptions{.argv = {"nginx", "-p", dir, "-e", dir_ / "log", "-c", dir_ / "nginx.conf"},
                   .user = unprivileged_user(),
                   .directory = dir_.path()});
  const bool up = eventually(
      kProxyStart, [&] { return !process_->running() || http_get(port, "/").has_value(); });
  if (!up || !process_->running()) throw std::runtime_error("nginx is not up: " + log());
}

PgBouncer::PgBouncer(std::uint16_t server_port) : port_(free_port()) {
  give_to(unprivileged_user(), dir_.path());
  write_file(dir_ / "users", "\"postgres\" \"\"\n\"rpoguard\" \"\"\n");
  write_config(server_port);
  process_ = std::make_unique<Process>(SpawnOptions{.argv = {"pgbouncer", dir_ / "pgbouncer.ini"},
                                                    .user = unprivileged_user(),
                                                    .output = dir_ / "log",
                                                    .directory = dir_.path()});
  const bool up = eventually(kProxyStart, [&] {
    try {
      return !process_->running() || connect("pgbouncer", "postgres").value("show version");
    } catch (const SqlError&) {
      return false;
    }
  });
  if (!up || !process_->running()) throw std::runtime_error("pgbouncer is not up: " + log());
}

void PgBouncer::write_config(std::uint16_t server_port) const {
  write_file(
      dir_ / "pgbouncer.ini",
      "[databases]\n* = host=127.0.0.1 port=" + std::to_string(server_port) +
          "\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " + std::to_string(port_) +
          "\nunix_socket_dir =\nauth_type = trust\nauth_file = " + (dir_ / "users").string() +
          "\nadmin_users = postgres\npool_mode = transaction\ndefault_pool_size = 1\n");
}

void PgBouncer::lead(std::uint16_t server_port) {
  write_config(server_port);
  connect("pgbouncer", "postgres").rows("reload");
}

Session PgBouncer::connect(const std::string& dbname, const std::string& user) const {
  return Session("host=127.0.0.1 port=" + std::to_string(port_) + " dbname=" + dbname +
                 " user=" + user + " gssencmode=disable sslmode=disable");
}

}  // namespace rpoguard::test
