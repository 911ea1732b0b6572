#include "exporter/run/state_store.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/base/percent.hpp"
#include "exporter/core/model/limits.hpp"

namespace rpoguard::run {
namespace {

using base::Error;
using nlohmann::json;

constexpr int kVersion = 1;
constexpr const char* kDamagedHint =
    "it holds the highest epoch seen and any freeze; remove it only after checking which node is "
    "the current writer";

// Shard ids may hold any printable character: everything but the plain ones is written as %XX.
std::string file_name_of(const std::string& shard) {
  return base::percent_encode(shard, {.kept = "-_"}) + ".json";
}

Error system_error(const std::string& what, const std::string& path) {
  return Error{"cannot " + what + " " + path + ": " + std::strerror(errno),
               "check state_dir and its owner"};
}

Error damaged(const std::string& path) {
  return {"the state file " + path + " is damaged", kDamagedHint};
}

Error not_a_file(const std::string& path) {
  return {path + " is a link, a pipe or the like, and no file of rpoguard",
          "see who has put it there, and remove it"};
}

class Closing {
 public:
  explicit Closing(int file) : file_(file) {}
  ~Closing() { ::close(file_); }
  Closing(const Closing&) = delete;
  Closing& operator=(const Closing&) = delete;

 private:
  int file_;
};

void put_place(json& out, const core::EpochPlace& place) {
  if (place.timeline) out["confirmed_timeline"] = place.timeline->value;
  if (place.position) out["confirmed_lsn"] = core::render_lsn(*place.position);
  if (place.stamped) out["confirmed_stamp_unix_us"] = place.stamped->time_since_epoch().count();
}

json lineage_to_json(const core::NodeLineage& lineage) {
  json out{{"state", core::name_of(lineage.state)}, {"why", lineage.why}};
  if (lineage.since) out["since_lsn"] = core::render_lsn(*lineage.since);
  if (lineage.replayed) out["replayed_lsn"] = core::render_lsn(*lineage.replayed);
  return out;
}

json to_json(const std::string& shard, const core::DurableMemory& memory) {
  json out{{"version", kVersion}, {"shard", shard}};
  if (memory.epochs.highest) out["highest_epoch"] = memory.epochs.highest->value;
  if (memory.epochs.confirmed) out["confirmed_epoch"] = memory.epochs.confirmed->value;
  if (!memory.epochs.confirmed_node.empty()) out["confirmed_node"] = memory.epochs.confirmed_node;
  put_place(out, memory.epochs.confirmed_place);
  if (const auto& started = memory.epochs.confirmed_started)
    out["confirmed_started_unix_us"] = started->time_since_epoch().count();
  if (memory.epochs.system_identifier) out["system_identifier"] = *memory.epochs.system_identifier;
  if (memory.highest_generation) out["highest_generation"] = *memory.highest_generation;
  if (const auto& until = memory.archive_foreign_until)
    out["archive_foreign_until_lsn"] = core::render_lsn(*until);
  if (const auto& backup = memory.archive_last_backup)
    out["archive_last_backup_unix_us"] = backup->time_since_epoch().count();
  for (const auto& [node, epoch] : memory.epochs.rivals)
    out["rivals"][node] = epoch ? json(epoch->value) : json(nullptr);
  if (memory.waiver) {
    out["waiver"] = {{"until_unix_us", memory.waiver->until.time_since_epoch().count()},
                     {"why", memory.waiver->why}};
    if (!memory.waiver->by.empty()) out["waiver"]["by"] = memory.waiver->by;
  }
  if (const auto& run = memory.lineage.run) {
    out["run"] = {{"node", run->node},
                  {"system_identifier", run->system_identifier},
                  {"timeline", run->timeline.value},
                  {"started_unix_us", run->started.time_since_epoch().count()},
                  {"backends_started_unix_us", run->backends_started.time_since_epoch().count()}};
    if (run->shared) out["run"]["shared_lsn"] = core::render_lsn(*run->shared);
    if (run->begun_by) out["run"]["begun_by_lsn"] = core::render_lsn(*run->begun_by);
    if (run->fall) {
      out["run"]["fell_from_lsn"] = core::render_lsn(run->fall->from);
      out["run"]["fell_to_lsn"] = core::render_lsn(run->fall->to);
    }
    if (run->opened) out["run"]["opened_unix_us"] = run->opened->time_since_epoch().count();
  }
  for (const auto& [node, lineage] : memory.lineage.nodes)
    out["lineage"][node] = lineage_to_json(lineage);
  if (!memory.lineage.receives.empty()) out["receives"] = memory.lineage.receives;
  for (const auto& [node, feeders] : memory.lineage.fed_by)
    out["fed_by"][node] = {{"timeline", feeders.timeline.value}, {"names", feeders.names}};
  for (const auto& [node, life] : memory.lineage.lives_in_recovery)
    out["life_in_recovery_unix_us"][node] = life.time_since_epoch().count();
  for (const auto& [node, host, port] : memory.addresses)
    out["addresses"].push_back({{"node", node}, {"host", host}, {"port", port}});
  if (memory.freeze) {
    json& freeze = out["freeze"];
    freeze = {{"by", memory.freeze->by},
              {"reason", memory.freeze->reason},
              {"since_unix_us", memory.freeze->since.time_since_epoch().count()}};
    if (memory.freeze->until)
      freeze["until_unix_us"] = memory.freeze->until->time_since_epoch().count();
  }
  return out;
}

// json::get() would make some number of everything: of a fraction, of -1 where there is no sign, of
// what is too large.
template <typename Number>
Number number_in(const json& in, Number least = 0) {
  const auto fits = [&](auto number) {
    return std::in_range<Number>(number) && static_cast<Number>(number) >= least;
  };
  if (in.is_number_unsigned() && fits(in.get<std::uint64_t>()))
    return static_cast<Number>(in.get<std::uint64_t>());
  if (in.is_number_integer() && !in.is_number_unsigned() && fits(in.get<std::int64_t>()))
    return static_cast<Number>(in.get<std::int64_t>());
  throw std::invalid_argument("no such number");
}

// As a server has said it, which may be anything.
core::WallTime server_time(const json& unix_us) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  return core::WallTime(std::chrono::microseconds(number_in<std::int64_t>(unix_us, kLeast)));
}

// As rpoguard itself has said it. Beyond these years it would not fit into a Duration.
core::WallTime wall_time(const json& unix_us) {
  constexpr auto kMost = std::chrono::floor<std::chrono::microseconds>(core::Duration::max());
  const std::chrono::microseconds time(number_in<std::int64_t>(unix_us));
  if (time > kMost) throw std::invalid_argument("no such time");
  return core::WallTime(time);
}

std::optional<core::Lsn> optional_lsn(const json& in, const char* name) {
  if (!in.contains(name)) return std::nullopt;
  return core::parse_lsn(in.at(name).get<std::string>()).value();
}

core::Freeze freeze_from_json(const json& in) {
  core::Freeze freeze{in.at("by").get<std::string>(), in.at("reason").get<std::string>(),
                      wall_time(in.at("since_unix_us")), std::nullopt};
  if (in.contains("until_unix_us")) freeze.until = wall_time(in.at("until_unix_us"));
  return freeze;
}

core::WriterRun run_from_json(const json& in) {
  core::WriterRun run{.node = in.at("node").get<std::string>(),
                      .system_identifier = number_in<std::uint64_t>(in.at("system_identifier")),
                      .timeline = {number_in<std::uint32_t>(in.at("timeline"))},
                      .started = server_time(in.at("started_unix_us")),
                      .backends_started = server_time(in.at("backends_started_unix_us")),
                      .shared = optional_lsn(in, "shared_lsn"),
                      .begun_by = optional_lsn(in, "begun_by_lsn")};
  const auto from = optional_lsn(in, "fell_from_lsn");
  const auto to = optional_lsn(in, "fell_to_lsn");
  if (from && to) run.fall = {*from, *to};
  if (in.contains("opened_unix_us")) run.opened = server_time(in.at("opened_unix_us"));
  return run;
}

core::NodeLineage lineage_from_json(const json& in) {
  const auto name = in.at("state").get<std::string>();
  for (std::size_t i = 0; i < core::kLineageCount; ++i) {
    const auto state = static_cast<core::Lineage>(i);
    if (name == core::name_of(state))
      return {.state = state,
              .why = in.at("why").get<std::string>(),
              .since = optional_lsn(in, "since_lsn"),
              .replayed = optional_lsn(in, "replayed_lsn")};
  }
  throw std::invalid_argument("unknown lineage " + name);
}

core::EpochPlace place_from_json(const json& in) {
  core::EpochPlace place;
  if (in.contains("confirmed_timeline"))
    place.timeline = core::Timeline{number_in<std::uint32_t>(in.at("confirmed_timeline"))};
  if (in.contains("confirmed_lsn")) {
    place.position = core::parse_lsn(in.at("confirmed_lsn").get<std::string>());
    if (!place.position) throw std::invalid_argument("no LSN");
  }
  if (in.contains("confirmed_stamp_unix_us"))
    place.stamped = server_time(in.at("confirmed_stamp_unix_us"));
  return place;
}

core::DurableMemory from_json(const json& in) {
  core::DurableMemory memory;
  if (number_in<int>(in.at("version")) != kVersion) throw std::invalid_argument("unknown version");
  if (in.contains("highest_epoch"))
    memory.epochs.highest = core::Epoch{number_in<std::int64_t>(in.at("highest_epoch"))};
  if (in.contains("confirmed_epoch"))
    memory.epochs.confirmed = core::Epoch{number_in<std::int64_t>(in.at("confirmed_epoch"))};
  if (in.contains("system_identifier"))
    memory.epochs.system_identifier = number_in<std::uint64_t>(in.at("system_identifier"));
  if (in.contains("confirmed_node"))
    memory.epochs.confirmed_node = in.at("confirmed_node").get<std::string>();
  memory.epochs.confirmed_place = place_from_json(in);
  if (in.contains("confirmed_started_unix_us"))
    memory.epochs.confirmed_started = server_time(in.at("confirmed_started_unix_us"));
  if (in.contains("highest_generation"))
    memory.highest_generation = number_in<std::int64_t>(in.at("highest_generation"));
  if (in.contains("archive_foreign_until_lsn"))
    memory.archive_foreign_until =
        core::parse_lsn(in.at("archive_foreign_until_lsn").get<std::string>()).value();
  if (in.contains("archive_last_backup_unix_us"))
    memory.archive_last_backup = server_time(in.at("archive_last_backup_unix_us"));
  if (in.contains("rivals")) {
    for (const auto& [node, epoch] : in.at("rivals").get<json::object_t>()) {
      auto& rival = memory.epochs.rivals[node];
      if (!epoch.is_null()) rival = core::Epoch{number_in<std::int64_t>(epoch)};
    }
  }
  if (in.contains("run")) memory.lineage.run = run_from_json(in.at("run"));
  if (in.contains("lineage")) {
    for (const auto& [node, lineage] : in.at("lineage").get<json::object_t>())
      memory.lineage.nodes[node] = lineage_from_json(lineage);
  }
  if (in.contains("receives"))
    memory.lineage.receives = in.at("receives").get<std::set<std::string>>();
  if (in.contains("fed_by")) {
    for (const auto& [node, feeders] : in.at("fed_by").get<json::object_t>())
      memory.lineage.fed_by[node] = {
          core::Timeline{number_in<std::uint32_t>(feeders.at("timeline"))},
          feeders.at("names").get<std::set<std::string>>()};
  }
  if (in.contains("life_in_recovery_unix_us")) {
    for (const auto& [node, life] : in.at("life_in_recovery_unix_us").get<json::object_t>())
      memory.lineage.lives_in_recovery[node] = server_time(life);
  }
  if (in.contains("addresses")) {
    for (const json& each : in.at("addresses"))
      memory.addresses.push_back({each.at("node").get<std::string>(),
                                  each.at("host").get<std::string>(),
                                  number_in<std::uint16_t>(each.at("port"))});
  }
  if (in.contains("waiver")) {
    const json& waiver = in.at("waiver");
    memory.waiver = {wall_time(waiver.at("until_unix_us")), waiver.at("why").get<std::string>(),
                     waiver.value("by", "")};
  }
  if (in.contains("freeze")) memory.freeze = freeze_from_json(in.at("freeze"));
  return memory;
}

bool write_all(int file, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(file, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

// Makes a rename in the directory last.
bool sync_directory(const std::string& directory) {
  const int handle = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return false;
  // Some file systems know no such thing, and need none.
  const bool synced = ::fsync(handle) == 0 || errno == EINVAL;
  ::close(handle);
  return synced;
}

base::Result<void> write_atomically(const std::string& directory, const std::string& path,
                                    const std::string& text) {
  const std::string draft = path + ".new";
  // Always a new file: a link there would lead elsewhere, and a pipe would have to be waited for.
  ::unlink(draft.c_str());
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return system_error("write", draft);
  const bool written = write_all(file, text) && ::fsync(file) == 0;
  const Error error = system_error("write", draft);
  ::close(file);
  if (!written) return error;
  if (::rename(draft.c_str(), path.c_str()) != 0) return system_error("rename", draft);
  if (!sync_directory(directory)) return system_error("keep", path);
  return {};
}

// Absent: there is none.
base::Result<std::optional<std::string>> read_whole(const std::string& path) {
  using Text = std::optional<std::string>;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0 && errno == ENOENT) return Text();
  if (file < 0) return errno == ELOOP ? not_a_file(path) : system_error("read", path);
  const Closing closing(file);
  struct stat info {};
  if (::fstat(file, &info) != 0) return system_error("read", path);
  if (!S_ISREG(info.st_mode)) return not_a_file(path);
  if (info.st_size > static_cast<off_t>(core::limits::kStateBytesMax)) return damaged(path);
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::read(file, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) return system_error("read", path);
    if (count == 0) return damaged(path);
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  return Text(std::move(text));
}

}  // namespace

void SpareDescriptor::lend() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void SpareDescriptor::take_back() {
  if (descriptor_ < 0) descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

std::string StateStore::path_of(const std::string& shard) const {
  return directory_ + "/shards/" + file_name_of(shard);
}

base::Result<void> StateStore::prepare() {
  const std::string shards = directory_ + "/shards";
  std::error_code failed;
  std::filesystem::create_directories(shards, failed);
  if (failed) {
    return Error{"cannot make state_dir " + shards + ": " + failed.message(),
                 "check state_dir and its owner"};
  }
  auto lock = StateLock::take(directory_);
  if (!lock) return lock.error();
  lock_.emplace(std::move(lock).value());
  const std::string probe = shards + "/.writable";
  const auto written = write_atomically(shards, probe, "");
  ::unlink(probe.c_str());
  return written;
}

base::Result<core::DurableMemory> StateStore::load(const std::string& shard) const {
  const std::string path = path_of(shard);
  const auto text = read_whole(path);
  if (!text) return text.error();
  if (!text.value()) return core::DurableMemory{};
  try {
    const json in = json::parse(*text.value());
    if (in.at("shard") != shard)
      return Error{"the state file " + path + " is that of another shard", kDamagedHint};
    return from_json(in);
  } catch (const std::exception&) {
    return damaged(path);
  }
}

// Callers of the gate and of ops may have taken all other descriptors: an order of an operator must
// last all the same.
base::Result<void> StateStore::save(const std::string& shard, const core::DurableMemory& memory) {
  const std::string text =
      to_json(shard, memory).dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  spare_.lend();
  auto saved = write_atomically(directory_ + "/shards", path_of(shard), text);
  spare_.take_back();
  return saved;
}

}  // namespace rpoguard::run
