#include "tests/support/server.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/shm.h>
#include <unistd.h>

#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr seconds kServerStart{60};
constexpr std::size_t kServerLogTail = 2000;

std::map<std::string, std::string> default_conf() {
  return {
      {"listen_addresses", "127.0.0.1"},
      {"wal_level", "replica"},
      {"hot_standby", "on"},
      {"fsync", "off"},
      {"max_wal_senders", "10"},
      {"max_replication_slots", "10"},
      {"max_connections", "50"},
      {"shared_buffers", "16MB"},
      {"max_wal_size", "256MB"},
      {"min_wal_size", "8MB"},
      {"wal_keep_size", "64MB"},
      {"wal_retrieve_retry_interval", "200ms"},
      {"dynamic_shared_memory_type", "mmap"},  // a bare chroot has no /dev/shm
      {"timezone", "UTC"},
      {"log_timezone", "UTC"},
      {"lc_messages", "C"},
      {"log_line_prefix", "%m [%p] %a "},
  };
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

void must_succeed(const SpawnOptions& options, seconds deadline) {
  const CommandResult result = run_command(options, deadline);
  if (result.exit_code == 0) return;
  throw std::runtime_error(options.argv.front() + " failed: " + result.output);
}

/// Holds an exclusive lock on a file while it lives.
class FileLock {
 public:
  explicit FileLock(const std::string& path)
      : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (fd_ < 0 || flock(fd_, LOCK_EX) != 0) throw std::runtime_error("cannot lock " + path);
  }
  ~FileLock() { close(fd_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

/// The cluster that new ones are copied from: initdb takes seconds, a copy a tenth of one. It lives
/// in the build folder, made by whichever test comes first.
std::string template_dir(const ServerOptions& options) {
  const std::string bindir = postgres_bindir();
  std::string key = bindir + (options.small_segments ? "-1" : "-16");
  std::replace(key.begin(), key.end(), '/', '_');
  const fs::path cache = fs::path(RPOGUARD_BINARY_DIR) / "initdb-cache";
  fs::create_directories(cache);
  const FileLock lock(cache / "lock");
  const fs::path ready = cache / key;
  if (fs::exists(ready)) return ready;

  const TempDir work;  // the build folder may lie where the unprivileged user cannot go
  const std::string user = unprivileged_user();
  give_to(user, work.path());
  must_succeed({.argv = {bindir + "/initdb", "--no-sync", "-D", work / "data", "-U", "postgres",
                         "-E", "UTF8", "--locale=C", "-A", "trust", "--wal-segsize",
                         options.small_segments ? "1" : "16"},
                .user = user,
                .directory = work.path()},
               seconds(120));
  fs::remove_all(cache / "unfinished");
  fs::copy(work / "data", cache / "unfinished", fs::copy_options::recursive);
  fs::rename(cache / "unfinished", ready);
  return ready;
}

}  // namespace

std::string postgres_bindir() {
  if (const char* given = std::getenv("RPOGUARD_PG_BINDIR")) return given;
  int newest = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (fs::exists(entry.path() / "bin/initdb")) newest = std::max(newest, version);
  }
  if (newest == 0) throw std::runtime_error("no PostgreSQL server found");
  return "/usr/lib/postgresql/" + std::to_string(newest) + "/bin";
}

Server::Server(const ServerOptions& options)
    : options_(options), user_(unprivileged_user()), port_(free_port()), conf_(default_conf()) {
  hba_ = {"local all all trust", "host all all 127.0.0.1/32 trust",
          "host replication all 127.0.0.1/32 trust"};
  conf_["port"] = std::to_string(port_);
  conf_["unix_socket_directories"] = socket_dir();
  conf_["cluster_name"] = options.name;
  if (!options.archive_dir.empty()) {
    conf_["archive_mode"] = "on";
    conf_["archive_command"] = "test ! -f " + options.archive_dir + "/%f && cp %p " +
                               options.archive_dir + "/.%f && mv " + options.archive_dir + "/.%f " +
                               options.archive_dir + "/%f";
  }
  for (const auto& [name, value] : options.conf) conf_[name] = value;
  give_to(user_, dir_.path());
}

std::unique_ptr<Server> Server::create(const ServerOptions& options) {
  std::unique_ptr<Server> server(new Server(options));
  fs::copy(template_dir(options), server->data_dir(), fs::copy_options::recursive);
  give_to(server->user_, server->data_dir());
  server->write_configuration();
  return server;
}

std::unique_ptr<Server> Server::clone(const ServerOptions& options, const Upstream& upstream) {
  std::unique_ptr<Server> server(new Server(options));
  server->take_base_backup(upstream);
  return server;
}

Server::~Server() {
  if (!process_) return;
  process_->signal_tree(SIGCONT);
  process_->signal(SIGQUIT);
  if (!process_->wait(seconds(5))) process_->kill_tree();
  remove_shared_memory();
}

void Server::take_base_backup(const Upstream& upstream) {
  fs::remove_all(data_dir());
  std::string conninfo = "host=" + upstream.host + " port=" + std::to_string(upstream.port) +
                         " user=postgres gssencmode=disable sslmode=disable";
  if (!upstream.slot.empty()) {
    Session(conninfo + " dbname=postgres")
        .rows("SELECT pg_create_physical_replication_slot(" + quoted(upstream.slot) +
              ", true) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = " +
              quoted(upstream.slot) + ")");
  }
  must_succeed({.argv = {postgres_bindir() + "/pg_basebackup", "--no-sync", "--checkpoint=fast",
                         "--wal-method=stream", "-D", data_dir(), "-d", conninfo},
                .user = user_,
                .directory = dir_.path()},
               seconds(120));
  write_file(data_dir() + "/standby.signal", "");
  write_file(data_dir() + "/postgresql.auto.conf", "");
  conf_["primary_conninfo"] = conninfo + " application_name=" + upstream.application_name;
  conf_["primary_slot_name"] = upstream.slot;
  conf_["restore_command"] =
      upstream.archive_dir.empty() ? "" : "cp " + upstream.archive_dir + "/%f %p";
  conf_["recovery_target_timeline"] = "latest";
  give_to(user_, data_dir());
  write_configuration();
}

void Server::write_configuration() const {
  std::ostringstream conf;
  for (const auto& [name, value] : conf_) conf << name << " = " << quoted(value) << "\n";
  std::ostringstream hba;
  for (const std::string& line : hba_) hba << line << "\n";
  write_file(data_dir() + "/postgresql.conf", conf.str());
  write_file(data_dir() + "/pg_hba.conf", hba.str());
  give_to(user_, data_dir() + "/postgresql.conf");
  give_to(user_, data_dir() + "/pg_hba.conf");
}

void Server::launch() {
  if (running()) throw std::runtime_error(name() + " is already running");
  std::map<std::string, std::string> env{{"LC_ALL", "C"}, {"TZ", "UTC"}};
  env.insert(options_.env.begin(), options_.env.end());
  process_ = std::make_unique<Process>(
      SpawnOptions{.argv = {postgres_bindir() + "/postgres", "-D", data_dir()},
                   .env = env,
                   .user = user_,
                   .output = log_path(),
                   .directory = dir_.path(),
                   .death_signal = SIGQUIT});  // SIGKILL would leave its shared memory behind
}

void Server::wait_until_accepting() {
  // postmaster.pid says so in its eighth line, without a connection per poll.
  const bool ready = eventually(kServerStart, [this] {
    if (!running()) return true;
    std::istringstream file(read_file(data_dir() + "/postmaster.pid"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines.size() >= 8 && lines[0] == std::to_string(pid()) && lines[7].starts_with("ready");
  });
  if (!ready || !running()) throw std::runtime_error(what_happened("does not accept connections"));
}

void Server::start() {
  launch();
  wait_until_accepting();
}

void Server::stop(const std::string& mode) {
  if (!running()) return;
  process_->signal(mode == "smart" ? SIGTERM : mode == "fast" ? SIGINT : SIGQUIT);
  if (!process_->wait(kServerStart)) throw std::runtime_error(what_happened("does not stop"));
}

void Server::restart() {
  stop();
  start();
}

void Server::kill9() {
  if (process_) process_->kill_tree();
}

void Server::sigstop() {
  process_->signal_tree(SIGSTOP);
}
void Server::sigcont() {
  process_->signal_tree(SIGCONT);
}
void Server::reload() {
  process_->signal(SIGHUP);
}

void Server::promote() {
  if (query("SELECT pg_promote(true, 60)") != "t") {
    throw std::runtime_error(what_happened("was not promoted"));
  }
}

void Server::reseed(const Upstream& upstream) {
  stop("immediate");
  remove_shared_memory();
  take_base_backup(upstream);
  start();
}

bool Server::running() {
  return process_ && process_->running();
}

pid_t Server::pid() const {
  return process_->pid();
}

std::string Server::conninfo(const std::string& dbname, const std::string& user) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " dbname=" + dbname + " user=" + user +
         " application_name=test gssencmode=disable sslmode=disable";
}

Session Server::connect(const std::string& dbname) const {
  return Session(conninfo(dbname));
}

void Server::exec(const std::string& sql) const {
  connect().rows(sql);
}

SqlValue Server::query(const std::string& sql) const {
  return connect().value(sql);
}

bool Server::becomes(const std::string& sql, const std::string& expected,
                     std::chrono::nanoseconds deadline) const {
  return eventually(deadline, [&] {
    try {
      return query(sql) == expected;
    } catch (const SqlError&) {
      return false;
    }
  });
}

void Server::set_conf(const std::string& name, const std::string& value) {
  conf_[name] = value;
  write_configuration();
}

void Server::add_hba(const std::string& line) {
  hba_.insert(hba_.begin(), line);
  write_configuration();
}

void Server::require_password(const std::string& role) {
  add_hba("host all " + role + " 127.0.0.1/32 scram-sha-256");
  reload();
  const bool required = eventually(kServerStart, [&] {
    try {
      Session(conninfo("postgres", role) + " passfile=/nonexistent");
      return false;
    } catch (const SqlError& error) {
      return std::string(error.what()).find("no password supplied") != std::string::npos;
    }
  });
  if (!required) throw std::runtime_error(what_happened("lets in without a password: " + role));
}

std::string Server::what_happened(const std::string& what) const {
  const std::string all = log();
  const std::size_t from = all.size() > kServerLogTail ? all.size() - kServerLogTail : 0;
  return "server " + options_.name + " " + what + "; its log ends with:\n" + all.substr(from);
}

/// A killed postmaster leaves its System V segment, whose id is in line 7 of postmaster.pid.
void Server::remove_shared_memory() const {
  std::istringstream file(read_file(data_dir() + "/postmaster.pid"));
  std::string line;
  for (int i = 0; i < 7; ++i) {
    if (!std::getline(file, line)) return;
  }
  std::istringstream ids(line);
  long key = 0;
  int id = -1;
  if (ids >> key >> id) shmctl(id, IPC_RMID, nullptr);
}

}  // namespace rpoguard::test
