#include "exporter/run/state_store.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "exporter/base/percent.hpp"

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
  for (const auto& [node, epoch] : memory.epochs.rivals)
    out["rivals"][node] = epoch ? json(epoch->value) : json(nullptr);
  if (memory.waiver) {
    out["waiver"] = {{"until_unix_us", memory.waiver->until.time_since_epoch().count()},
                     {"why", memory.waiver->why}};
  }
  if (const auto& run = memory.lineage.run) {
    out["run"] = {{"node", run->node},
                  {"system_identifier", run->system_identifier},
                  {"timeline", run->timeline.value},
                  {"started_unix_us", run->started.time_since_epoch().count()},
                  {"backends_started_unix_us", run->backends_started.time_since_epoch().count()}};
    if (run->shared) out["run"]["shared_lsn"] = core::render_lsn(*run->shared);
    if (run->begun_by) out["run"]["begun_by_lsn"] = core::render_lsn(*run->begun_by);
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

core::WallTime wall_time(const json& unix_us) {
  return core::WallTime(std::chrono::microseconds(unix_us.get<std::int64_t>()));
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
                      .system_identifier = in.at("system_identifier").get<std::uint64_t>(),
                      .timeline = {in.at("timeline").get<std::uint32_t>()},
                      .started = wall_time(in.at("started_unix_us")),
                      .backends_started = wall_time(in.at("backends_started_unix_us")),
                      .shared = optional_lsn(in, "shared_lsn"),
                      .begun_by = optional_lsn(in, "begun_by_lsn")};
  if (in.contains("opened_unix_us")) run.opened = wall_time(in.at("opened_unix_us"));
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
    place.timeline = core::Timeline{in.at("confirmed_timeline").get<std::uint32_t>()};
  if (in.contains("confirmed_lsn")) {
    place.position = core::parse_lsn(in.at("confirmed_lsn").get<std::string>());
    if (!place.position) throw std::invalid_argument("no LSN");
  }
  if (in.contains("confirmed_stamp_unix_us"))
    place.stamped = wall_time(in.at("confirmed_stamp_unix_us"));
  return place;
}

core::DurableMemory from_json(const json& in) {
  core::DurableMemory memory;
  if (in.at("version").get<int>() != kVersion) throw std::invalid_argument("unknown version");
  if (in.contains("highest_epoch"))
    memory.epochs.highest = core::Epoch{in.at("highest_epoch").get<std::int64_t>()};
  if (in.contains("confirmed_epoch"))
    memory.epochs.confirmed = core::Epoch{in.at("confirmed_epoch").get<std::int64_t>()};
  if (in.contains("system_identifier"))
    memory.epochs.system_identifier = in.at("system_identifier").get<std::uint64_t>();
  if (in.contains("confirmed_node"))
    memory.epochs.confirmed_node = in.at("confirmed_node").get<std::string>();
  memory.epochs.confirmed_place = place_from_json(in);
  if (in.contains("confirmed_started_unix_us"))
    memory.epochs.confirmed_started = wall_time(in.at("confirmed_started_unix_us"));
  if (in.contains("highest_generation"))
    memory.highest_generation = in.at("highest_generation").get<std::int64_t>();
  if (in.contains("archive_foreign_until_lsn"))
    memory.archive_foreign_until =
        core::parse_lsn(in.at("archive_foreign_until_lsn").get<std::string>()).value();
  if (in.contains("rivals")) {
    for (const auto& [node, epoch] : in.at("rivals").get<json::object_t>()) {
      auto& rival = memory.epochs.rivals[node];
      if (!epoch.is_null()) rival = core::Epoch{epoch.get<std::int64_t>()};
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
      memory.lineage.fed_by[node] = {core::Timeline{feeders.at("timeline").get<std::uint32_t>()},
                                     feeders.at("names").get<std::set<std::string>>()};
  }
  if (in.contains("life_in_recovery_unix_us")) {
    for (const auto& [node, life] : in.at("life_in_recovery_unix_us").get<json::object_t>())
      memory.lineage.lives_in_recovery[node] = wall_time(life);
  }
  if (in.contains("addresses")) {
    for (const json& each : in.at("addresses"))
      memory.addresses.push_back({each.at("node").get<std::string>(),
                                  each.at("host").get<std::string>(),
                                  each.at("port").get<std::uint16_t>()});
  }
  if (in.contains("waiver")) {
    const json& waiver = in.at("waiver");
    memory.waiver = {wall_time(waiver.at("until_unix_us")), waiver.at("why").get<std::string>()};
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
void sync_directory(const std::string& directory) {
  const int handle = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return;
  ::fsync(handle);
  ::close(handle);
}

base::Result<void> write_atomically(const std::string& directory, const std::string& path,
                                    const std::string& text) {
  const std::string draft = path + ".new";
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return system_error("write", draft);
  const bool written = write_all(file, text) && ::fsync(file) == 0;
  const Error error = system_error("write", draft);
  ::close(file);
  if (!written) return error;
  if (::rename(draft.c_str(), path.c_str()) != 0) return system_error("rename", draft);
  sync_directory(directory);
  return {};
}

}  // namespace

std::string StateStore::path_of(const std::string& shard) const {
  return directory_ + "/shards/" + file_name_of(shard);
}

base::Result<void> StateStore::prepare() const {
  const std::string shards = directory_ + "/shards";
  std::error_code failed;
  std::filesystem::create_directories(shards, failed);
  if (failed) {
    return Error{"cannot make state_dir " + shards + ": " + failed.message(),
                 "check state_dir and its owner"};
  }
  const std::string probe = shards + "/.writable";
  const auto written = write_atomically(shards, probe, "");
  ::unlink(probe.c_str());
  return written;
}

base::Result<core::DurableMemory> StateStore::load(const std::string& shard) const {
  const std::string path = path_of(shard);
  std::ifstream file(path);
  if (!file) {
    if (std::filesystem::exists(path)) return system_error("read", path);
    return core::DurableMemory{};
  }
  try {
    return from_json(json::parse(file));
  } catch (const std::exception&) {
    return Error{"the state file " + path + " is damaged", kDamagedHint};
  }
}

base::Result<void> StateStore::save(const std::string& shard,
                                    const core::DurableMemory& memory) const {
  return write_atomically(
      directory_ + "/shards", path_of(shard),
      to_json(shard, memory).dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

}  // namespace rpoguard::run
