#include "exporter/observe/archive/archive_pgbackrest.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "exporter/observe/archive/archive_names.hpp"

namespace rpoguard::observe {
namespace {

using Json = nlohmann::json;

// Thrown, and caught, in this file only.
[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument(what);
}

std::uint64_t number(const Json& json) {
  if (!json.is_number_unsigned()) refuse("a number is expected");
  return json.get<std::uint64_t>();
}

SegmentName segment(const Json& json) {
  const auto text = json.get<std::string>();
  const ArchiveName name = parse_archive_name(text);
  if (name.kind != ArchiveName::Kind::segment || text != render_segment_name(name.segment))
    refuse("no WAL segment: " + text);
  return name.segment;
}

// Codes of infoRender() in pgBackRest: 2 is "no valid backups", 4 "different across repositories".
void check_status(const Json& stanza) {
  const Json& status = stanza.at("status");
  const std::uint64_t code = number(status.at("code"));
  if (code != 0 && code != 2 && code != 4)
    refuse("pgbackrest says: " + status.at("message").get<std::string>());
}

/// The database that each repository has WAL of now: after an upgrade the one with the highest id.
struct Current {
  std::map<std::uint64_t, std::uint64_t> id_of_repository;
  std::optional<std::uint64_t> system_identifier;

  bool has(const Json& entry) const {
    const Json& database = entry.at("database");
    const auto found = id_of_repository.find(number(database.at("repo-key")));
    return found != id_of_repository.end() && found->second == number(database.at("id"));
  }
};

Current current_of(const Json& databases) {
  Current current;
  for (const Json& each : databases) {
    std::uint64_t& id = current.id_of_repository[number(each.at("repo-key"))];
    id = std::max(id, number(each.at("id")));
  }
  for (const Json& each : databases) {
    if (current.id_of_repository[number(each.at("repo-key"))] != number(each.at("id"))) continue;
    const std::uint64_t system_identifier = number(each.at("system-id"));
    if (current.system_identifier.value_or(system_identifier) != system_identifier)
      refuse("its repositories hold different clusters");
    current.system_identifier = system_identifier;
  }
  return current;
}

void take_backups(const Json& backups, const Current& current, core::ArchiveFacts& facts) {
  std::set<std::pair<std::uint64_t, std::string>> by_end;
  for (const Json& each : backups) {
    if (!current.has(each) || each.value("error", Json()) == Json(true)) continue;
    const Json& start = each.at("archive").at("start");
    if (start.is_null()) continue;  // an offline backup needs none
    const std::uint64_t end = number(each.at("timestamp").at("stop"));
    if (end > 253'402'300'799U) refuse("a time after the year 9999");
    by_end.emplace(end, render_segment_name(segment(start)));
  }
  for (const auto& [end, start] : by_end) {
    facts.backup_starts.push_back(start);
    facts.last_backup = core::WallTime(std::chrono::seconds(end));
  }
}

core::ArchiveFacts decode(const Json& answer) {
  if (answer.size() != 1) refuse(std::to_string(answer.size()) + " stanzas: name one by --stanza");
  const Json& stanza = answer.at(0);
  check_status(stanza);
  const Current current = current_of(stanza.at("db"));
  std::vector<SegmentName> ends;
  for (const Json& each : stanza.at("archive")) {
    if (!current.has(each) || each.at("max").is_null()) continue;
    ends.push_back(segment(each.at("min")));
    ends.push_back(segment(each.at("max")));
  }
  core::ArchiveFacts facts = archive_facts(std::move(ends), {});
  facts.holes_invisible = true;
  facts.system_identifier = current.system_identifier;
  take_backups(stanza.at("backup"), current, facts);
  return facts;
}

}  // namespace

base::Result<core::ArchiveFacts> decode_pgbackrest_info(std::string_view json) {
  constexpr auto kNoCallback = nullptr;
  constexpr bool kNoExceptions = false;
  if (json.size() > kPgbackrestInfoBytesMax) return base::Error{"too long an answer"};
  const Json answer = Json::parse(json, kNoCallback, kNoExceptions);
  if (!answer.is_array()) return base::Error{"not the JSON of pgbackrest info"};
  try {
    return decode(answer);
  } catch (const std::invalid_argument& error) {
    return base::Error{error.what()};
  } catch (const Json::exception&) {
    return base::Error{"not the JSON of pgbackrest info"};
  }
}

}  // namespace rpoguard::observe
