#include "exporter/run/state_store.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace rpoguard::run {
namespace {

namespace fs = std::filesystem;

class StateStoreTest : public ::testing::Test {
 protected:
  StateStoreTest() {
    std::string pattern = fs::temp_directory_path() / "rpoguard-state-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~StateStoreTest() override { fs::remove_all(directory_); }

  core::DurableMemory full_memory() const {
    core::DurableMemory memory;
    memory.epochs.highest = core::Epoch{8};
    memory.epochs.confirmed = core::Epoch{7};
    memory.epochs.confirmed_node = "iad-a";
    memory.epochs.confirmed_place = {
        core::Timeline{3}, core::Lsn{0x1'0000'0028},
        core::WallTime(std::chrono::microseconds(1'700'000'000'000'456))};
    memory.epochs.confirmed_started =
        core::WallTime(std::chrono::microseconds(1'700'000'000'000'789));
    memory.highest_generation = 12;
    memory.archive_foreign_until = core::Lsn{0x1'0800'0000};
    memory.epochs.rivals = {{"iad-a", core::Epoch{7}}, {"phx-a", std::nullopt}};
    memory.epochs.system_identifier = 18'000'000'000'000'000'001ULL;
    memory.waiver = {core::WallTime(std::chrono::microseconds(1'700'000'000'000'123)),
                     "epoch 8 by \"ana\""};
    memory.lineage.run = core::WriterRun{
        .node = "iad-a",
        .system_identifier = 18'000'000'000'000'000'001ULL,
        .timeline = core::Timeline{3},
        .started = core::WallTime(std::chrono::microseconds(1'700'000'000'000'001)),
        .backends_started = core::WallTime(std::chrono::microseconds(1'700'000'000'000'002)),
        .shared = core::Lsn{0x1'0000'0100},
        .opened = core::WallTime(std::chrono::microseconds(1'700'000'000'000'003))};
    memory.lineage.nodes = {{"iad-b", {.state = core::Lineage::assumed, .why = ""}},
                            {"phx-a",
                             {.state = core::Lineage::diverged,
                              .why = "it had other WAL",
                              .since = core::Lsn{0x1'0000'0100},
                              .replayed = core::Lsn{0x1'0000'0900}}}};
    memory.lineage.receives = {"iad-b", "phx-a"};
    memory.lineage.lives_in_recovery = {{"phx-a", core::WallTime(std::chrono::microseconds(7))}};
    memory.lineage.fed_by = {{"iad-b", {core::Timeline{3}, {"iad-a", "phx-b"}}}};
    memory.addresses = {{"iad-a", "10.0.0.1", 5432}, {"phx-a", "phx.example", 6432}};
    memory.freeze = {"jo", "moving \"184\"", core::WallTime(std::chrono::seconds(1'700'000'000)),
                     core::WallTime(std::chrono::seconds(1'700'003'600))};
    return memory;
  }

  std::string directory_;
};

TEST_F(StateStoreTest, gives_back_what_it_was_given) {
  const StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  ASSERT_TRUE(store.save("184", full_memory()).ok());
  const auto loaded = StateStore(directory_).load("184");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.value(), full_memory());
}

TEST_F(StateStoreTest, keeps_a_freeze_without_an_end) {
  const StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  core::DurableMemory memory = full_memory();
  memory.freeze->until.reset();
  ASSERT_TRUE(store.save("184", memory).ok());
  EXPECT_EQ(store.load("184").value(), memory);
}

TEST_F(StateStoreTest, takes_a_damaged_freeze_for_a_damaged_file) {
  const StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  std::ofstream(store.path_of("184")) << R"({"version":1,"shard":"184","freeze":{"by":"jo"}})";
  EXPECT_FALSE(store.load("184").ok());
}

TEST_F(StateStoreTest, knows_nothing_of_a_shard_never_saved) {
  const StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  const auto loaded = store.load("184");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.value(), core::DurableMemory{});
}

TEST_F(StateStoreTest, reads_a_file_from_before_nodes_and_rivals_were_kept) {
  const StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  std::ofstream(store.path_of("184"))
      << R"({"version":1,"shard":"184","highest_epoch":8,"confirmed_epoch":7})";
  const auto loaded = store.load("184");
  ASSERT_TRUE(loaded.ok());
  core::DurableMemory expected;
  expected.epochs.highest = core::Epoch{8};
  expected.epochs.confirmed = core::Epoch{7};
  EXPECT_EQ(loaded.value(), expected);
}

TEST_F(StateStoreTest, reads_a_file_from_before_there_were_marks) {
  const StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  std::ofstream(store.path_of("184"))
      << R"({"version":1,"shard":"184","run":{"node":"iad-a","system_identifier":7,"timeline":1,)"
         R"("started_unix_us":1,"backends_started_unix_us":2,"shared_lsn":"0/5000028"},)"
         R"("lineage":{"phx-a":{"state":"diverged","why":"it had other WAL"}}})";
  const auto loaded = store.load("184");
  ASSERT_TRUE(loaded.ok());
  const core::LineageRecord& lineage = loaded.value().lineage;
  EXPECT_EQ(lineage.run->shared, core::Lsn{0x5000028});
  EXPECT_FALSE(lineage.run->opened.has_value());
  EXPECT_EQ(lineage.nodes.at("phx-a").state, core::Lineage::diverged);
  EXPECT_FALSE(lineage.nodes.at("phx-a").since.has_value());
  EXPECT_FALSE(lineage.nodes.at("phx-a").replayed.has_value());
}

TEST_F(StateStoreTest, keeps_shards_with_odd_names_apart) {
  const StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  for (const char* id : {"a.b", "a%2Eb", "ü", "..", "A", "a"}) {
    auto memory = full_memory();
    memory.waiver->why = id;
    ASSERT_TRUE(store.save(id, memory).ok()) << id;
  }
  for (const char* id : {"a.b", "a%2Eb", "ü", "..", "A", "a"})
    EXPECT_EQ(store.load(id).value().waiver->why, id);
}

TEST_F(StateStoreTest, refuses_a_damaged_file_instead_of_forgetting) {
  const StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  for (const char* text :
       {"", "{", "[]", "{\"version\":2}", "{\"version\":1,\"highest_epoch\":\"8\"}",
        R"({"version":1,"rivals":["phx-a"]})", R"({"version":1,"rivals":{"phx-a":"7"}})",
        R"({"version":1,"confirmed_node":7})", R"({"version":1,"confirmed_timeline":"3"})",
        R"({"version":1,"confirmed_lsn":"5"})", R"({"version":1,"confirmed_lsn":40})",
        R"({"version":1,"confirmed_stamp_unix_us":"now"})",
        R"({"version":1,"lineage":{"a":{"state":"diverged","why":"","since_lsn":"5"}}})",
        R"({"version":1,"lineage":{"a":{"state":"diverged","why":"","replayed_lsn":5}}})",
        R"({"version":1,"lineage":{"a":{"state":"better","why":""}}})",
        R"({"version":1,"run":{"node":"a","system_identifier":7,"timeline":1,)"
        R"("started_unix_us":1,"backends_started_unix_us":2,"opened_unix_us":"now"}})",
        R"({"version":1,"highest_generation":null})"}) {
    std::ofstream(store.path_of("184")) << text;
    const auto loaded = store.load("184");
    ASSERT_FALSE(loaded.ok()) << text;
    EXPECT_NE(loaded.error().message.find(store.path_of("184")), std::string::npos);
    EXPECT_NE(loaded.error().hint, "");
  }
}

TEST_F(StateStoreTest, says_so_when_the_directory_cannot_be_made) {
  std::ofstream(directory_ + "/file") << "x";
  const auto prepared = StateStore(directory_ + "/file/below").prepare();
  ASSERT_FALSE(prepared.ok());
  EXPECT_NE(prepared.error().message.find("state_dir"), std::string::npos);
}

}  // namespace
}  // namespace rpoguard::run
