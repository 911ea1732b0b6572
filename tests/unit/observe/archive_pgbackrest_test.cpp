#include "exporter/observe/archive/archive_pgbackrest.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rpoguard::observe {
namespace {

using Json = nlohmann::json;

// As pgBackRest 2.45 prints it, shortened: a stanza that was upgraded once, in one repository.
Json answer() {
  return Json::parse(R"json([{
    "archive": [
      {"database": {"id": 1, "repo-key": 1}, "id": "14-1",
       "min": "000000010000000000000001", "max": "000000010000000000000003"},
      {"database": {"id": 2, "repo-key": 1}, "id": "15-2",
       "min": "000000010000000000000004", "max": "000000010000000000000009"}],
    "backup": [
      {"archive": {"start": "000000010000000000000002", "stop": "000000010000000000000002"},
       "database": {"id": 1, "repo-key": 1}, "error": false, "label": "20260819-000000F",
       "timestamp": {"start": 1787000000, "stop": 1787000010}},
      {"archive": {"start": "000000010000000000000008", "stop": "000000010000000000000008"},
       "database": {"id": 2, "repo-key": 1}, "error": false, "label": "20260821-000000F",
       "timestamp": {"start": 1787200000, "stop": 1787200010}},
      {"archive": {"start": "000000010000000000000006", "stop": "000000010000000000000006"},
       "database": {"id": 2, "repo-key": 1}, "error": null, "label": "20260820-000000F",
       "timestamp": {"start": 1787100000, "stop": 1787100010}}],
    "cipher": "none",
    "db": [{"id": 1, "repo-key": 1, "system-id": 7000000000000000001, "version": "14"},
           {"id": 2, "repo-key": 1, "system-id": 7000000000000000002, "version": "15"}],
    "name": "demo",
    "repo": [{"cipher": "none", "key": 1, "status": {"code": 0, "message": "ok"}}],
    "status": {"code": 0, "lock": {"backup": {"held": false}}, "message": "ok"}}])json");
}

TEST(PgbackrestInfo, gives_the_ends_of_the_current_database) {
  const auto facts = decode_pgbackrest_info(answer().dump());
  ASSERT_TRUE(facts) << facts.error().message;
  const core::Timeline one{1};
  EXPECT_EQ(facts.value().runs, (std::vector<core::ArchivedRun>{{one, 0, 4, 4}, {one, 0, 9, 9}}));
  EXPECT_TRUE(facts.value().holes_invisible);
  EXPECT_EQ(facts.value().system_identifier, 7000000000000000002U);
  EXPECT_EQ(facts.value().backup_starts,
            (std::vector<std::string>{"000000010000000000000006", "000000010000000000000008"}));
  EXPECT_EQ(facts.value().last_backup, core::WallTime(std::chrono::seconds(1787200010)));
}

TEST(PgbackrestInfo, without_wal_or_backups_is_a_fact) {
  Json json = answer();
  json[0]["archive"][1]["min"] = json[0]["archive"][1]["max"] = nullptr;
  json[0]["backup"] = Json::array();
  json[0]["status"]["code"] = 2;
  const auto facts = decode_pgbackrest_info(json.dump());
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_TRUE(facts.value().runs.empty());
  EXPECT_FALSE(facts.value().last_backup);
}

TEST(PgbackrestInfo, takes_the_newest_of_several_repositories_and_no_broken_backup) {
  Json json = answer();
  Json second = json[0]["archive"][1];
  second["database"] = {{"id", 1}, {"repo-key", 2}};
  second["max"] = "00000001000000000000000A";
  json[0]["archive"].push_back(second);
  json[0]["db"].push_back({{"id", 1}, {"repo-key", 2}, {"system-id", 7000000000000000002U}});
  json[0]["backup"][1]["error"] = true;
  json[0]["backup"][2]["archive"]["start"] = nullptr;
  const auto facts = decode_pgbackrest_info(json.dump());
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts.value().runs.back(), (core::ArchivedRun{core::Timeline{1}, 0, 9, 10}));
  EXPECT_TRUE(facts.value().backup_starts.empty());
  json[0]["db"][2]["system-id"] = 5U;
  EXPECT_FALSE(decode_pgbackrest_info(json.dump()));
}

TEST(PgbackrestInfo, anything_else_is_refused) {
  const auto message_of = [](const std::string& text) {
    const auto facts = decode_pgbackrest_info(text);
    return facts ? "accepted" : facts.error().message;
  };
  EXPECT_EQ(message_of("[]"), "0 stanzas: name one by --stanza");
  EXPECT_EQ(message_of(R"([{"name": "a"}, {"name": "b"}])"), "2 stanzas: name one by --stanza");
  Json json = answer();
  json[0]["status"] = {{"code", 1}, {"message", "missing stanza path"}};
  EXPECT_EQ(message_of(json.dump()), "pgbackrest says: missing stanza path");
  for (const char* text : {"", "{}", "null", "[1]", "[[]]", "[{}]", "[", "ERROR: no such option"})
    EXPECT_EQ(message_of(text), "not the JSON of pgbackrest info") << text;
  EXPECT_EQ(message_of(std::string(kPgbackrestInfoBytesMax + 1, ' ')), "too long an answer");
}

TEST(PgbackrestInfo, every_field_that_is_missing_or_of_another_type_is_refused) {
  for (const char* path :
       {"/0/status/code", "/0/db", "/0/db/1/id", "/0/db/1/repo-key", "/0/db/1/system-id",
        "/0/archive", "/0/archive/1/min", "/0/archive/1/max", "/0/archive/1/database/id",
        "/0/backup", "/0/backup/1/archive/start", "/0/backup/1/timestamp/stop"}) {
    const Json::json_pointer at(path);
    for (const Json& wrong : {Json(-1), Json("x"), Json(1.5), Json(true)}) {
      Json json = answer();
      json[at] = wrong;
      EXPECT_FALSE(decode_pgbackrest_info(json.dump())) << path << " = " << wrong;
    }
    Json json = answer();
    json[at.parent_pointer()].erase(at.back());
    if (!json[at.parent_pointer()].is_array()) {
      EXPECT_FALSE(decode_pgbackrest_info(json.dump())) << path;
    }
  }
  Json json = answer();
  json[0]["backup"][1]["timestamp"]["stop"] = UINT64_MAX;
  EXPECT_FALSE(decode_pgbackrest_info(json.dump()));
}

}  // namespace
}  // namespace rpoguard::observe
