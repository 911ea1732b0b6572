// A TCP peer that speaks as much of PostgreSQL's protocol as a test wants.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace rpoguard::test {

/// One accepted connection, seen by the peer. Its calls return when the client or the peer closes.
class PgPeerSocket {
 public:
  PgPeerSocket(int fd, const std::atomic<bool>& stopping) : fd_(fd), stopping_(stopping) {}

  struct Message {
    char type = 0;  ///< 0: a startup packet
    std::string body;
  };
  /// Absent: closed.
  std::optional<Message> read_startup();
  std::optional<Message> read_message();
  /// Waits for anything and drops what has come so far.
  void read_some();
  bool send(const std::string& bytes);  ///< false: not all of it, as it is closed
  /// One byte at a time with a pause after each.
  void dribble(const std::string& bytes);
  /// Holds the connection open, reading but not answering, until it is closed.
  void stay_mute();
  /// Closes with a reset instead of an orderly end.
  void reset();

 private:
  bool read_exactly(char* into, std::size_t size);
  int fd_;
  const std::atomic<bool>& stopping_;
};

/// Listens on a free port of 127.0.0.1 and lets `behaviour` handle each connection on a thread of
/// its own.
class PgPeer {
 public:
  using Behaviour = std::function<void(PgPeerSocket&)>;
  explicit PgPeer(Behaviour behaviour, std::uint16_t port = 0);
  ~PgPeer();
  PgPeer(const PgPeer&) = delete;
  PgPeer& operator=(const PgPeer&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  void accept_all();

  Behaviour behaviour_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// A port whose queue of connections is full: further attempts are dropped without an answer.
class PgBlackHole {
 public:
  /// On 127.0.0.`host`.
  explicit PgBlackHole(std::uint8_t host = 1, std::uint16_t port = 0);
  ~PgBlackHole();
  PgBlackHole(const PgBlackHole&) = delete;
  PgBlackHole& operator=(const PgBlackHole&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  std::vector<int> sockets_;
  std::uint16_t port_ = 0;
};

/// Messages of the server side.
std::string pg_login_ok();
std::string pg_error(const std::string& sqlstate, const std::string& text, char severity = 'F');
using PgColumns = std::map<std::string, std::optional<std::string>>;
/// RowDescription, DataRow, CommandComplete.
std::string pg_row(const PgColumns& columns);
std::string pg_ready();
/// Any message: its length is put before the body.
std::string pg_message(char type, const std::string& body);
/// CommandComplete of something that gives no rows.
std::string pg_done();

/// What a writer answers to the light statement.
PgColumns pg_writer_row();

/// Logs the client in and answers rpoguard's statements like a healthy writer, at most
/// `statements` of them.
void serve_healthy(PgPeerSocket& socket, int statements = 1 << 30);
/// The same after the login; never answers a statement without a name.
void serve_statements(PgPeerSocket& socket, int statements = 1 << 30);

}  // namespace rpoguard::test
