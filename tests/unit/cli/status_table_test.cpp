#include "exporter/cli/status_table.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rpoguard::cli {
namespace {

using nlohmann::json;

json node(const std::string& name, const std::string& region, const std::string& state) {
  return {{"name", name},
          {"region", region},
          {"state", state},
          {"up", true},
          {"failure", nullptr},
          {"epoch", 7},
          {"timeline", 1},
          {"lag_seconds", {{"flush", nullptr}, {"replay", nullptr}}},
          {"lag_bytes", {{"flush", nullptr}, {"replay", nullptr}}},
          {"streaming", nullptr},
          {"synchronous", nullptr},
          {"counted", false},
          {"diverged_bytes", nullptr},
          {"fork_point", nullptr},
          {"note", ""}};
}

json shard(const std::string& id) {
  json copy = node("phx-a", "phx", "standby");
  copy["lag_seconds"] = {{"flush", 1.04}, {"replay", 1.04}};
  copy["lag_bytes"] = {{"flush", 2048}, {"replay", 2048}};
  copy["streaming"] = true;
  copy["synchronous"] = false;
  copy["counted"] = true;
  return {{"shard", id},
          {"writes_usable", true},
          {"writer", {{"node", "iad-a"}, {"writer_region", "iad"}, {"epoch", 7}, {"timeline", 1}}},
          {"highest_epoch", 7},
          {"rpo_seconds", 5.0},
          {"exposure_seconds", 1.04},
          {"gate",
           {{"open", true},
            {"reason", nullptr},
            {"detail", ""},
            {"waived", false},
            {"mode", "enforce"}}},
          {"time_to_exhaustion_seconds", nullptr},
          {"bootstrapped", false},
          {"synchronous", nullptr},
          {"endpoint", nullptr},
          {"epoch_witness", nullptr},
          {"generation_witness", nullptr},
          {"archive",
           {{"enabled", true},
            {"age_seconds", 3.0},
            {"frontier", "0/2000000"},
            {"gap_segments", 0},
            {"claimed_ahead_bytes", nullptr},
            {"failure", nullptr},
            {"note", ""}}},
          {"waiver", nullptr},
          {"nodes", {node("iad-a", "iad", "writer"), copy}}};
}

json view(std::vector<json> shards) {
  return {{"view_age_seconds", 0.2}, {"stale", false}, {"shards", std::move(shards)}};
}

json closed(json shard) {
  shard["writes_usable"] = false;
  shard["exposure_seconds"] = 6.5;
  shard["gate"]["open"] = false;
  shard["gate"]["reason"] = "rpo_exceeded";
  shard["gate"]["detail"] = "why it is closed";
  return shard;
}

TEST(StatusTable, shows_a_healthy_shard) {
  EXPECT_EQ(
      render_status(view({shard("184")}), {}),
      "SHARD  WRITES  GATE  EXPOSURE        WRITER        EPOCH  ARCHIVE AGE\n"
      "184    usable  open  1.0 s of 5.0 s  iad-a in iad  7      3.0 s\n"
      "\n"
      "shard 184\n"
      "  NODE   REGION  STATE    EPOCH  TL  LAG FLUSH  LAG REPLAY  BEHIND   REPLICATION       "
      "COUNTED\n"
      "  iad-a  iad     writer   7      1   -          -           -        -                 -\n"
      "  phx-a  phx     standby  7      1   1.0 s      1.0 s       2.0 KiB  streaming, async  "
      "yes\n");
}

TEST(StatusTable, puts_the_worst_shard_first_and_says_why) {
  const std::string text = render_status(view({shard("184"), closed(shard("185"))}), {});
  EXPECT_LT(text.find("185    not usable  closed: rpo_exceeded  6.5 s of 5.0 s"),
            text.find("184    usable "));
  EXPECT_NE(text.find("shard 185: why it is closed\n"), std::string::npos) << text;
}

TEST(StatusTable, shows_what_is_unknown_as_unknown) {
  json unproven = closed(shard("184"));
  unproven["exposure_seconds"] = nullptr;
  unproven["writer"] = nullptr;
  unproven["highest_epoch"] = nullptr;
  unproven["nodes"][1]["up"] = false;
  unproven["nodes"][1]["epoch"] = nullptr;
  unproven["nodes"][1]["state"] = "unreachable";
  unproven["nodes"][1]["lag_seconds"]["flush"] = nullptr;
  unproven["nodes"][1]["failure"] = {{"reason", "refused"}, {"message", "connection refused"}};
  const std::string text = render_status(view({unproven}), {});
  EXPECT_NE(text.find("unknown of 5.0 s  none confirmed"), std::string::npos) << text;
  EXPECT_NE(text.find("unreachable  unknown  1   unknown"), std::string::npos) << text;
  EXPECT_NE(text.find("refused: connection refused"), std::string::npos) << text;
}

TEST(StatusTable, warns_of_an_old_view) {
  json old = view({shard("184")});
  old["view_age_seconds"] = 12.0;
  old["stale"] = true;
  const std::string warning = "View: published 12 s ago: do not trust it\n";
  EXPECT_TRUE(render_status(old, {}).starts_with(warning));
  old.erase("stale");
  EXPECT_TRUE(render_status(old, {}).starts_with(warning)) << "it does not say that it is fresh";
}

TEST(StatusTable, uses_colours_only_when_told) {
  EXPECT_EQ(render_status(view({shard("184")}), {}).find('\x1b'), std::string::npos);
  EXPECT_NE(render_status(view({shard("184")}), {.shard = "", .color = true}).find("\x1b[32m"),
            std::string::npos);
}

TEST(StatusTable, shows_one_shard_when_asked) {
  const TableOptions options{.shard = "185", .color = false};
  const std::string text = render_status(view({shard("184"), shard("185")}), options);
  EXPECT_EQ(text.find("184"), std::string::npos) << text;
}

TEST(StatusTable, leaves_out_healthy_details_of_a_large_fleet) {
  std::vector<json> fleet;
  fleet.reserve(20);
  for (int i = 0; i < 20; ++i) fleet.push_back(shard(std::to_string(i)));
  fleet[3] = closed(fleet[3]);
  const std::string text = render_status(view(fleet), {});
  EXPECT_NE(text.find("\nshard 3:"), std::string::npos) << text;
  EXPECT_EQ(text.find("\nshard 4\n"), std::string::npos) << text;
}

// The lines between the heading of the shard and its table.
std::string remarks(const json& one) {
  const std::string text = render_status(view({one}), {});
  const std::size_t from = text.find("\nshard 184\n") + 11;
  return text.substr(from, text.find("  NODE") - from);
}

// Hand-made views could drift from what rpoguard really says.
TEST(StatusTable, understands_the_view_as_it_is_published) {
  std::ifstream file(RPOGUARD_SOURCE_DIR "/tests/testdata/golden/view.json");
  const std::string text = render_status(json::parse(file), {});
  EXPECT_NE(text.find("has diverged by 1.0 MiB: its WAL leaves the writer's at 0/2F00000"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("does not count: nobody saw what WAL it had"), std::string::npos) << text;
  EXPECT_NE(text.find("  Writer iad-a: has lost WAL 2.0 min ago: it had flushed its WAL up to "
                      "0/2F00500, and goes on from 0/2F00300; a copy that has diverged may be the "
                      "last to have what is lost\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  WAL archive: hole of 2 segments\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  Epoch witness: silent, refused: no <answer>\n"), std::string::npos)
      << text;
}

TEST(StatusTable, says_nothing_about_what_is_in_order) {
  json one = shard("184");
  one["endpoint"] = {
      {"on_writer", true}, {"failure", nullptr}, {"note", ""}, {"last_good", nullptr}};
  one["epoch_witness"] = {{"number", 7}, {"failure", nullptr}};
  one["synchronous"] = {{"downgraded", false}, {"problem", ""}};
  EXPECT_EQ(remarks(one), "");
}

TEST(StatusTable, says_what_is_wrong_with_the_archive) {
  json one = shard("184");
  one["archive"]["gap_segments"] = 2;
  one["archive"]["claimed_ahead_bytes"] = 33'554'432;
  one["archive"]["failure"] = {{"reason", "timeout"}, {"message", "no listing in 10s"}};
  one["archive"]["note"] = "another system identifier";
  EXPECT_EQ(remarks(one),
            "  WAL archive: hole of 2 segments at 0/2000000\n"
            "  WAL archive: the writer claims 32 MiB more than the archive holds\n"
            "  WAL archive: last look failed, timeout: no listing in 10s\n"
            "  WAL archive: another system identifier\n");
  one["archive"]["frontier"] = nullptr;
  EXPECT_EQ(remarks(one).substr(0, 34), "  WAL archive: hole of 2 segments\n");
  one["archive"]["enabled"] = false;
  EXPECT_EQ(remarks(one), "");
}

TEST(StatusTable, says_who_is_silent_and_where_the_endpoint_leads) {
  json one = shard("184");
  one["epoch_witness"] = {{"number", nullptr}, {"failure", nullptr}};
  one["generation_witness"] = {{"number", nullptr},
                               {"failure", {{"reason", "refused"}, {"message", "nobody listens"}}}};
  one["endpoint"] = {{"on_writer", false}, {"failure", nullptr}, {"note", "leads to iad-b"}};
  EXPECT_EQ(remarks(one),
            "  Writer endpoint: does not lead to the writer, leads to iad-b\n"
            "  Epoch witness: silent\n"
            "  Generation witness: silent, refused: nobody listens\n");
  one["endpoint"] = {{"on_writer", nullptr},
                     {"failure", {{"reason", "timeout"}, {"message", "gave up"}}},
                     {"note", ""}};
  EXPECT_TRUE(remarks(one).starts_with(
      "  Writer endpoint: not known whether it leads to the writer, timeout: gave up\n"));
}

TEST(StatusTable, says_how_the_promise_is_in_danger) {
  json one = shard("184");
  one["time_to_exhaustion_seconds"] = 8.6;
  one["exposure_growth"] = 0.46047;
  one["bootstrapped"] = true;
  one["synchronous"] = {{"downgraded", true}, {"problem", "synchronous_standby_names is empty"}};
  EXPECT_EQ(remarks(one),
            "  Exposure: growing, at this pace the budget is used up in 8.6 s\n"
            "  Exposure: estimated by commit times: just started\n"
            "  Synchronous durability: downgraded: synchronous_standby_names is empty\n");
  one["synchronous"]["downgraded"] = nullptr;
  EXPECT_NE(remarks(one).find("Synchronous durability: not proven: "), std::string::npos);
}

TEST(StatusTable, says_who_has_frozen_writes_and_what_is_waived) {
  json one = shard("184");
  one["freeze"] = {{"by", "jo"}, {"reason", "a move"}, {"until", "2026-01-01T01:00:00.000Z"}};
  one["waiver"] = {{"until", "2026-01-01T00:01:50.000Z"}, {"why", "epoch 8"}};
  json whole = view({one});
  whole["now"] = "2026-01-01T00:00:00.000Z";
  EXPECT_NE(render_status(whole, {}).find(
                "  Writes: frozen by jo until 2026-01-01T01:00:00.000Z: a move\n"
                "  RPO: waived for another 110 s: epoch 8\n"),
            std::string::npos);
}

TEST(StatusTable, says_by_how_much_a_node_has_diverged) {
  json one = shard("184");
  json& old_writer = one["nodes"][0];
  old_writer["state"] = "stale_writer";
  old_writer["diverged_bytes"] = 1'048'576;
  EXPECT_NE(render_status(view({one}), {}).find("  has diverged by 1.0 MiB\n"), std::string::npos);
  old_writer["note"] = "epoch 6";
  old_writer["lineage"] = "diverged";
  old_writer["lineage_note"] = "it left at 0/2F00000: rebuild it";
  EXPECT_NE(render_status(view({one}), {})
                .find("  epoch 6; has diverged by 1.0 MiB: it left at 0/2F00000: rebuild it\n"),
            std::string::npos);
}

}  // namespace
}  // namespace rpoguard::cli
