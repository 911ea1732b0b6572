#include "tests/scenario/truth.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "tests/stack/region_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"

namespace rpoguard::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kSessions = 2;
constexpr milliseconds kLook{20};
// What a look shows may have been so since the look before. Where the copy did not answer in
// between, it held what it held until shortly before.
constexpr milliseconds kLookLate{250};
// Longer than any fault: a commit that hangs and is then acknowledged is an acknowledged commit.
constexpr seconds kPatience{90};

}  // namespace

Writer::Writer(const Server& server, int per_second) : server_(server) {
  const auto pace = std::chrono::nanoseconds(seconds(kSessions)) / per_second;
  for (int i = 0; i < kSessions; ++i) threads_.emplace_back([this, pace] { run(pace); });
}

Writer::~Writer() {
  stop();
}

void Writer::stop() {
  stopping_ = true;
  for (std::thread& each : threads_) {
    if (each.joinable()) each.join();
  }
}

std::size_t Writer::count() const {
  const std::lock_guard lock(mutex_);
  return log_.size();
}

void Writer::run(std::chrono::nanoseconds pace) {
  std::optional<Session> session;
  core::Instant due = boottime();
  while (!stopping_) {
    const bool wanted = eventually(
        milliseconds(50),
        [&] { return stopping_ || (boottime() >= due && (!paused_ || extra_.exchange(false))); },
        milliseconds(1));
    if (!wanted || stopping_) continue;
    due = std::max(due + pace, boottime() - pace);
    try {
      if (!session) session.emplace(server_.connect());
      const auto xid = session->value(
          "insert into ledger (token, payload) values (nextval('tokens'), repeat('x', 100)) "
          "returning pg_current_xact_id()",
          kPatience);
      const std::lock_guard lock(mutex_);
      log_.push_back({xid.value(), boottime()});
    } catch (const SqlError&) {
      session.reset();
      due = boottime() + milliseconds(200);
    }
  }
}

CopyTrace::CopyTrace(const Server& copy, bool replayed)
    : copy_(copy), replayed_(replayed), thread_([this] { run(); }) {}

CopyTrace::~CopyTrace() {
  stop();
}

void CopyTrace::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void CopyTrace::run() {
  const std::string position =
      replayed_ ? "pg_last_wal_replay_lsn()"
                : "greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())";
  std::optional<Session> session;
  bool silence = false;
  while (!eventually(
      kLook, [this] { return stopping_.load(); }, milliseconds(5))) {
    try {
      if (!session) session.emplace(copy_.connect());
      const auto held = session->value(
          "select case when pg_is_in_recovery() then " + position + " end", seconds(1));
      const auto lsn = held ? core::parse_lsn(*held) : std::nullopt;
      if (lsn) points_.push_back({boottime(), *lsn, std::exchange(silence, false)});
    } catch (const SqlError&) {
      session.reset();
      silence = true;
    }
  }
}

std::vector<std::pair<std::string, core::Lsn>> commit_positions(const Server& server,
                                                                const std::string& from_lsn,
                                                                std::uint32_t timeline) {
  // It ends with an error where the WAL ends.
  const CommandResult dump =
      run_command({.argv = {postgres_bindir() + "/pg_waldump", "--path",
                            server.data_dir() + "/pg_wal", "--timeline=" + std::to_string(timeline),
                            "--start=" + from_lsn, "--rmgr=Transaction"}});
  std::vector<std::pair<std::string, core::Lsn>> positions;
  std::istringstream lines(dump.output);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("desc: COMMIT") == std::string::npos) continue;
    const auto field = [&](const std::string& name, const std::string& stop) {
      const std::size_t at = line.find(name) + name.size();
      const std::string text = line.substr(at, line.find_first_of(stop, at) - at);
      return text.substr(std::min(text.find_first_not_of(' '), text.size()));
    };
    const auto start = core::parse_lsn(field("lsn: ", ","));
    if (!start) throw std::runtime_error("pg_waldump: " + line);
    const std::uint64_t length =
        std::stoull(field("len (rec/tot):", "").substr(field("len (rec/tot):", "").find('/') + 1));
    positions.emplace_back(field("tx: ", ","), core::Lsn{start->value + length});
  }
  return positions;
}

Truth::Truth(const std::vector<Acked>& acked,
             const std::vector<std::pair<std::string, core::Lsn>>& positions,
             std::vector<CopyTrace::Point> trace)
    : trace_(std::move(trace)) {
  const std::map<std::string, core::Lsn> by_xid(positions.begin(), positions.end());
  for (const Acked& each : acked) {
    const auto found = by_xid.find(each.xid);
    if (found == by_xid.end())
      throw std::runtime_error("no commit record of transaction " + each.xid);
    commits_.push_back({each.at, found->second});
  }
  std::ranges::sort(commits_, {}, &Commit::acked);
}

core::Duration Truth::oldest_beyond(core::Lsn held, core::Instant now) const {
  for (const Commit& commit : commits_) {
    if (commit.acked > now) break;
    if (commit.end > held) return now - commit.acked;
  }
  return core::Duration{0};
}

Truth::Risk Truth::at(core::Instant now) const {
  const auto next = std::ranges::upper_bound(trace_, now, {}, &CopyTrace::Point::at);
  const core::Lsn shown = next == trace_.begin() ? core::Lsn{} : std::prev(next)->held;
  const bool soon = next != trace_.end() && (!next->after_silence || next->at - now <= kLookLate);
  return {oldest_beyond(soon ? next->held : shown, now), oldest_beyond(shown, now)};
}

}  // namespace rpoguard::test
