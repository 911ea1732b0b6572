#include "tests/wire/pg_peer.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rpoguard::test {

namespace {

constexpr int kDribblePauseMs = 30;

sockaddr_in loopback(std::uint16_t port, std::uint8_t host = 1) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl((INADDR_LOOPBACK & 0xFFFFFF00U) | host);
  address.sin_port = htons(port);
  return address;
}

int listen_on(std::uint16_t port, int backlog, std::uint8_t host = 1) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port, host);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, backlog) != 0) {
    ::close(fd);
    throw std::runtime_error(std::string("cannot listen: ") + std::strerror(errno));
  }
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

std::string int32(std::size_t value) {
  const std::uint32_t network = htonl(static_cast<std::uint32_t>(value));
  return {reinterpret_cast<const char*>(&network), sizeof network};
}

std::string int16(std::size_t value) {
  const std::uint16_t network = htons(static_cast<std::uint16_t>(value));
  return {reinterpret_cast<const char*>(&network), sizeof network};
}

std::size_t to_size(const std::array<char, 4>& bytes) {
  std::uint32_t network = 0;
  std::memcpy(&network, bytes.data(), bytes.size());
  return ntohl(network);
}

std::string message(char type, const std::string& body) {
  return type + int32(body.size() + 4) + body;
}

std::string text(const std::string& value) {
  return value + '\0';
}

std::string row_description(const PgColumns& columns) {
  std::string body = int16(columns.size());
  for (const auto& [name, value] : columns)  // table, column, type text, size, modifier, format
    body +=
        text(name) + int32(0) + int16(0) + int32(25) + int16(0xFFFF) + int32(0xFFFFFFFF) + int16(0);
  return message('T', body);
}

std::string data_row(const PgColumns& columns) {
  std::string body = int16(columns.size());
  for (const auto& [name, value] : columns)
    body += value ? int32(value->size()) + *value : int32(0xFFFFFFFF);
  return message('D', body);
}

PgColumns slow_row() {
  return {{"kind", "connections_limit"},
          {"name", {}},
          {"logical", {}},
          {"active", {}},
          {"value", "100"},
          {"safe_bytes", {}},
          {"lost", {}}};
}

}  // namespace

bool PgPeerSocket::read_exactly(char* into, std::size_t size) {
  while (size > 0) {
    const auto got = ::recv(fd_, into, size, 0);
    if (got <= 0) return false;
    into += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

std::optional<PgPeerSocket::Message> PgPeerSocket::read_startup() {
  std::array<char, 4> length{};
  if (!read_exactly(length.data(), length.size())) return std::nullopt;
  Message read{0, std::string(to_size(length) - 4, '\0')};
  if (!read_exactly(read.body.data(), read.body.size())) return std::nullopt;
  return read;
}

std::optional<PgPeerSocket::Message> PgPeerSocket::read_message() {
  char type = 0;
  if (!read_exactly(&type, 1)) return std::nullopt;
  auto read = read_startup();
  if (read) read->type = type;
  return read;
}

void PgPeerSocket::read_some() {
  std::array<char, 4096> ignored{};
  ::recv(fd_, ignored.data(), ignored.size(), 0);
}

bool PgPeerSocket::send(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto now = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += static_cast<std::size_t>(now);
  }
  return true;
}

void PgPeerSocket::dribble(const std::string& bytes) {
  for (const char byte : bytes) {
    send(std::string(1, byte));
    pollfd closed{fd_, POLLRDHUP, 0};
    if (stopping_ || ::poll(&closed, 1, kDribblePauseMs) > 0) return;
  }
}

void PgPeerSocket::stay_mute() {
  std::array<char, 4096> ignored{};
  while (::recv(fd_, ignored.data(), ignored.size(), 0) > 0) {
  }
}

void PgPeerSocket::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

PgPeer::PgPeer(Behaviour behaviour, std::uint16_t port)
    : behaviour_(std::move(behaviour)), listener_(listen_on(port, 64)), port_(port_of(listener_)) {
  acceptor_ = std::thread([this] { accept_all(); });
}

PgPeer::~PgPeer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

void PgPeer::accept_all() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] {
      PgPeerSocket socket(fd, stopping_);
      behaviour_(socket);
      const std::lock_guard held(mutex_);
      std::erase(open_, fd);
      ::close(fd);
    });
  }
}

PgBlackHole::PgBlackHole(std::uint8_t host, std::uint16_t port) {
  sockets_.push_back(listen_on(port, 0, host));
  port_ = port_of(sockets_[0]);
  const sockaddr_in address = loopback(port_, host);
  for (int i = 0; i < 4; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    sockets_.push_back(fd);
  }
}

PgBlackHole::~PgBlackHole() {
  for (const int fd : sockets_) ::close(fd);
}

std::string pg_login_ok() {
  return message('R', int32(0)) + message('S', text("server_version") + text("15.4")) +
         message('S', text("client_encoding") + text("UTF8")) + message('K', int32(1) + int32(2)) +
         pg_ready();
}

std::string pg_error(const std::string& sqlstate, const std::string& what, char severity) {
  const std::string word = severity == 'F' ? "FATAL" : "ERROR";
  return message(
      'E', "S" + text(word) + "V" + text(word) + "C" + text(sqlstate) + "M" + text(what) + '\0');
}

std::string pg_ready() {
  return message('Z', "I");
}

std::string pg_message(char type, const std::string& body) {
  return message(type, body);
}

std::string pg_done() {
  return message('C', text("COMMIT"));
}

std::string pg_row(const PgColumns& columns) {
  return row_description(columns) + data_row(columns) + message('C', text("SELECT 1"));
}

PgColumns pg_writer_row() {
  PgColumns row{{"in_recovery", "f"},
                {"server_version", "150004"},
                {"has_monitor", "t"},
                {"epoch_table_exists", "f"},
                {"system_identifier", "42"},
                {"snapshot", "1:1:|"},
                {"insert_lsn", "0/3000060"},
                {"flushed_lsn", "0/3000060"},
                {"written_timeline", "00000001"},
                {"server_now_us", "1795222992556334"},
                {"started_us", "1795222000000001"},
                {"apply_delay_us", "0"},
                {"restores", "f"},
                {"has_target", "f"},
                {"archiving", "f"},
                {"wal_segment_bytes", "16777216"},
                {"checkpoint_lsn", "0/2000028"},
                {"checkpoint_redo", "0/2000028"},
                {"checkpoint_us", "1795222000000000"},
                {"synchronous_standby_names", ""},
                {"synchronous_commit", "on"},
                {"synchronous_commit_hidden", "f"}};
  for (const char* null :
       {"received_timeline",  "receive_lsn",       "replay_lsn",        "replay_paused",
        "streaming",          "last_commit_us",    "archived_count",    "failed_count",
        "last_archived_wal",  "writer_epoch",      "writer_region",     "promoted_by",
        "promoted_at_us",     "sender_pid",        "sender_logical",    "sender_name",
        "sender_state",       "sender_sync_state", "sender_flush_lsn",  "sender_replay_lsn",
        "weakest_commit_for", "weakest_commit",    "receiver_conninfo", "promoted_timeline"})
    row[null] = std::nullopt;
  return row;
}

void serve_healthy(PgPeerSocket& socket, int statements) {
  if (!socket.read_startup()) return;
  socket.send(pg_login_ok());
  serve_statements(socket, statements);
}

// Which statement is executed: the light one, the slow one, when the backends were started, or
// whether there are marks.
void serve_statements(PgPeerSocket& socket, int statements) {
  const PgColumns backends{{"backends_started_us", "1795222000000002"}};
  const PgColumns no_marks{{"there", "f"}, {"problem", std::nullopt}};
  bool of_marks = false;
  PgColumns asked;
  bool counts = true;
  for (auto read = socket.read_message(); read; read = socket.read_message()) {
    switch (read->type) {
      case 'Q':
        socket.send(pg_row({{"backend_pid", "1"}, {"epoch_table_exists", "f"}}) + pg_ready());
        break;
      case 'P':
        of_marks = read->body.find("run_mark") != std::string::npos;
        counts = !of_marks && read->body.find("checkpointer") == std::string::npos;
        if (read->body.front() == '\0' && counts) return socket.stay_mute();
        socket.send(message('1', ""));
        break;
      case 'B': {
        const bool named = read->body.find("rpoguard_") != std::string::npos;
        const bool slow = read->body.find("slow") != std::string::npos;
        counts = named;
        asked = of_marks ? no_marks : !named ? backends : slow ? slow_row() : pg_writer_row();
        socket.send(message('2', ""));
        break;
      }
      case 'D':
        socket.send(row_description(asked));
        break;
      case 'E':
        socket.send(data_row(asked) + message('C', text("SELECT 1")));
        if (counts) --statements;
        break;
      case 'S':
        socket.send(pg_ready());
        break;
      default:
        return;
    }
    if (statements == 0 && read->type == 'S') return;
  }
}

}  // namespace rpoguard::test
