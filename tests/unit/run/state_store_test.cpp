#include "exporter/run/state_store.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/core/model/limits.hpp"

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
    memory.archive_last_backup = core::WallTime(std::chrono::seconds(1'699'999'999));
    memory.epochs.rivals = {{"iad-a", core::Epoch{7}}, {"phx-a", std::nullopt}};
    memory.epochs.system_identifier = 18'000'000'000'000'000'001ULL;
    memory.waiver = {core::WallTime(std::chrono::microseconds(1'700'000'000'000'123)),
                     "epoch 8 by \"ana\"", "ana"};
    memory.lineage.run = core::WriterRun{
        .node = "iad-a",
        .system_identifier = 18'000'000'000'000'000'001ULL,
        .timeline = core::Timeline{3},
        .started = core::WallTime(std::chrono::microseconds(1'700'000'000'000'001)),
        .backends_started = core::WallTime(std::chrono::microseconds(1'700'000'000'000'002)),
        .shared = core::Lsn{0x1'0000'0100},
        .opened = core::WallTime(std::chrono::microseconds(1'700'000'000'000'003)),
        .fall = core::WriterRun::Fall{core::Lsn{0x1'0000'0900}, core::Lsn{0x1'0000'0800}}};
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
  StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  ASSERT_TRUE(store.save("184", full_memory()).ok());
  const auto loaded = StateStore(directory_).load("184");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.value(), full_memory());
}

TEST_F(StateStoreTest, keeps_a_freeze_without_an_end) {
  StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  core::DurableMemory memory = full_memory();
  memory.freeze->until.reset();
  ASSERT_TRUE(store.save("184", memory).ok());
  EXPECT_EQ(store.load("184").value(), memory);
}

TEST_F(StateStoreTest, takes_a_damaged_freeze_for_a_damaged_file) {
  StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  std::ofstream(store.path_of("184")) << R"({"version":1,"shard":"184","freeze":{"by":"jo"}})";
  EXPECT_FALSE(store.load("184").ok());
}

TEST_F(StateStoreTest, knows_nothing_of_a_shard_never_saved) {
  StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  const auto loaded = store.load("184");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.value(), core::DurableMemory{});
}

TEST_F(StateStoreTest, reads_a_file_from_before_nodes_and_rivals_were_kept) {
  StateStore store(directory_);
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
  StateStore store(directory_);
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
  StateStore store(directory_);
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
  StateStore store(directory_);
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
    std::string of_shard = text;
    if (of_shard.starts_with("{\"version\":1,")) of_shard.insert(13, R"("shard":"184",)");
    std::ofstream(store.path_of("184")) << of_shard;
    const auto loaded = store.load("184");
    ASSERT_FALSE(loaded.ok()) << text;
    EXPECT_NE(loaded.error().message.find(store.path_of("184")), std::string::npos);
    EXPECT_NE(loaded.error().hint, "");
  }
}

TEST_F(StateStoreTest, a_number_that_is_none_is_damage_and_not_another_number) {
  StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  const std::string begin = R"({"version":1,"shard":"184",)";
  const std::string freeze = R"("freeze":{"by":"jo","reason":"","since_unix_us":)";
  const std::string run =
      R"("run":{"node":"a","started_unix_us":1,"backends_started_unix_us":2,"timeline":)";
  for (const std::string& field :
       {std::string(R"("highest_epoch":-5)"), std::string(R"("highest_epoch":1.5)"),
        std::string(R"("highest_epoch":1e300)"), std::string(R"("highest_epoch":true)"),
        std::string(R"("highest_epoch":9223372036854775808)"),
        std::string(R"("highest_generation":99999999999999999999)"),
        std::string(R"("confirmed_timeline":-1)"),
        std::string(R"("confirmed_timeline":4294967296)"), std::string(R"("system_identifier":-1)"),
        std::string(R"("rivals":{"a":-1})"), std::string(R"("confirmed_started_unix_us":1e300)"),
        run + R"(-1,"system_identifier":7})", run + R"(1,"system_identifier":7.5})", freeze + "-1}",
        freeze + R"(1,"until_unix_us":9223372036854775807})", freeze + R"(1,"until_unix_us":1e9})",
        std::string(R"("waiver":{"until_unix_us":9223372036854775807,"why":""})")}) {
    std::ofstream(store.path_of("184")) << begin << field << "}";
    EXPECT_FALSE(store.load("184").ok()) << field;
  }
  std::ofstream(store.path_of("184")) << begin << R"("highest_epoch":9223372036854775807,)"
                                      << R"("confirmed_stamp_unix_us":-9223372036854775808})";
  EXPECT_TRUE(store.load("184").ok()) << "these may have come from a server";
}

TEST_F(StateStoreTest, refuses_the_file_of_another_shard) {
  StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  ASSERT_TRUE(store.save("185", full_memory()).ok());
  fs::copy_file(store.path_of("185"), store.path_of("184"));
  const auto loaded = store.load("184");
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message.find("of another shard"), std::string::npos);
  std::ofstream(store.path_of("184")) << R"({"version":1})";
  EXPECT_FALSE(store.load("184").ok());
}

TEST_F(StateStoreTest, what_stands_in_the_place_of_a_file_is_refused_without_waiting) {
  StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  ASSERT_TRUE(store.save("185", full_memory()).ok());
  const std::string path = store.path_of("184");
  const auto expect_refused = [&](const char* what) {
    const auto loaded = store.load("184");
    ASSERT_FALSE(loaded.ok()) << what;
    EXPECT_NE(loaded.error().message.find(path), std::string::npos) << what;
    fs::remove(path);
  };
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_refused("a pipe");
  fs::create_symlink(store.path_of("185"), path);
  expect_refused("a link to a file of the kind");
  fs::create_symlink(directory_ + "/nowhere", path);
  expect_refused("a link to nothing");
  fs::create_directory(path);
  expect_refused("a directory");
  std::ofstream(path) << std::string(core::limits::kStateBytesMax + 1, ' ');
  expect_refused("too large a file");
}

TEST_F(StateStoreTest, writes_through_no_link_and_waits_for_no_pipe) {
  const std::string precious = directory_ + "/precious";
  std::ofstream(precious) << "precious";
  fs::create_directories(directory_ + "/shards");
  fs::create_symlink(precious, directory_ + "/shards/.writable.new");
  StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  fs::create_symlink(precious, store.path_of("184") + ".new");
  fs::create_symlink(precious, store.path_of("184"));
  ASSERT_EQ(::mkfifo((store.path_of("185") + ".new").c_str(), 0600), 0);
  for (const char* id : {"184", "185"}) {
    ASSERT_TRUE(store.save(id, full_memory()).ok());
    EXPECT_EQ(store.load(id).value(), full_memory());
  }
  std::string text;
  std::ifstream(precious) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(StateStoreTest, saves_also_when_the_process_has_no_more_descriptors) {
  StateStore store(directory_);
  ASSERT_TRUE(store.prepare().ok());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<int> taken;
  for (int next = 0; next >= 0;) {
    next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (next >= 0) taken.push_back(next);
  }
  const bool first = store.save("184", full_memory()).ok();
  const bool second = store.save("184", full_memory()).ok();
  for (const int descriptor : taken) ::close(descriptor);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(first && second);
  EXPECT_EQ(store.load("184").value(), full_memory());
}

TEST_F(StateStoreTest, says_so_when_the_directory_cannot_be_made) {
  std::ofstream(directory_ + "/file") << "x";
  const auto prepared = StateStore(directory_ + "/file/below").prepare();
  ASSERT_FALSE(prepared.ok());
  EXPECT_NE(prepared.error().message.find("state_dir"), std::string::npos);
}

}  // namespace
}  // namespace rpoguard::run
