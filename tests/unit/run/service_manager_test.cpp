#include "exporter/run/service_manager.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/temp_dir.hpp"

namespace rpoguard::run {
namespace {

// The manager's end: a datagram socket, named in the environment as long as this lives.
class Manager {
 public:
  explicit Manager(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    bound_ = ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length) == 0;
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(socket_);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  bool bound() const { return bound_; }
  // Empty: nothing came. What is sent to a Unix socket has arrived when send returns.
  std::string told() const {
    std::array<char, 100> buffer{};
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
  }

 private:
  int socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool bound_ = false;
};

TEST(ServiceManager, is_told_through_the_socket_it_names) {
  const test::TempDir directory;
  const Manager manager(directory / "notify");
  ASSERT_TRUE(manager.bound());
  notify_service_manager("READY=1");
  EXPECT_EQ(manager.told(), "READY=1");
}

TEST(ServiceManager, may_have_an_abstract_socket) {
  const Manager manager("@rpoguard-test-" + std::to_string(::getpid()));
  ASSERT_TRUE(manager.bound());
  notify_service_manager("STOPPING=1");
  EXPECT_EQ(manager.told(), "STOPPING=1");
}

TEST(ServiceManager, that_is_gone_or_unnamed_or_misnamed_is_left_alone) {
  ::unsetenv("NOTIFY_SOCKET");
  notify_service_manager("READY=1");
  for (const std::string& name :
       {std::string(), std::string("/nowhere/at/all"), std::string(500, 'x')}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    notify_service_manager("READY=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace rpoguard::run
