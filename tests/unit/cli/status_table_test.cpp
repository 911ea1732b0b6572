#include "exporter/cli/status_table.hpp"

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
          {"archive", {{"enabled", true}, {"age_seconds", 3.0}}},
          {"waiver", nullptr},
          {"nodes", {node("iad-a", "iad", "writer"), copy}}};
}

json view(std::vector<json> shards) {
  return {
      {"view_age_seconds", 0.2}, {"probe_interval_seconds", 1.0}, {"shards", std::move(shards)}};
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
      "SHARD  WRITES  GATE  EXPOSURE        WRITER       EPOCH  ARCHIVE AGE\n"
      "184    usable  open  1.0 s of 5.0 s  iad-a (iad)  7      3.0 s\n"
      "\n"
      "shard 184\n"
      "  NODE   REGION  STATE    EPOCH  TL  LAG FLUSH  LAG REPLAY  BEHIND   REPLICATION  COUNTED\n"
      "  iad-a  iad     writer   7      1   -          -           -        -            -\n"
      "  phx-a  phx     standby  7      1   1.0 s      1.0 s       2.0 KiB  async        yes\n");
}

TEST(StatusTable, puts_the_worst_shard_first_and_says_why) {
  const std::string text = render_status(view({shard("184"), closed(shard("185"))}), {});
  EXPECT_LT(text.find("185    STOPPED  CLOSED: rpo_exceeded  6.5 s of 5.0 s"),
            text.find("184    usable"));
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
  EXPECT_NE(text.find("unknown of 5.0 s  none"), std::string::npos) << text;
  EXPECT_NE(text.find("unreachable  unknown  1   unknown"), std::string::npos) << text;
  EXPECT_NE(text.find("refused: connection refused"), std::string::npos) << text;
}

TEST(StatusTable, warns_of_an_old_view) {
  json old = view({shard("184")});
  old["view_age_seconds"] = 12.0;
  EXPECT_TRUE(render_status(old, {}).starts_with(
      "rpoguard has not looked for 12.0 s: do not trust this page\n"));
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
  for (int i = 0; i < 20; ++i) fleet.push_back(shard(std::to_string(i)));
  fleet[3] = closed(fleet[3]);
  const std::string text = render_status(view(fleet), {});
  EXPECT_NE(text.find("\nshard 3:"), std::string::npos) << text;
  EXPECT_EQ(text.find("\nshard 4\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace rpoguard::cli
