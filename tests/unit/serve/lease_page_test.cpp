// The lease page as readers in other processes and languages see it.
#include "exporter/serve/lease/lease_page.hpp"

#include <atomic>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "exporter/serve/lease/rpoguard_lease.h"

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/serve/views.hpp"

namespace rpoguard::test {
namespace {

using serve::LeasePage;

core::Instant boot_now() {
  return core::Instant(core::Duration(static_cast<std::int64_t>(rpoguard_lease_now_ns())));
}

std::vector<std::string> ids_of(const core::View& view) {
  std::vector<std::string> ids;
  for (const core::ShardSpec& shard : view.spec->shards) ids.push_back(shard.id);
  return ids;
}

core::ShardView& shard_of(core::View& view, std::size_t index) {
  return const_cast<core::ShardView&>(*view.shards[index]);
}

void set_mode(core::View& view, core::GateMode mode) {
  auto spec = std::make_shared<core::Spec>(*view.spec);
  for (core::ShardSpec& shard : spec->shards) shard.gate.mode = mode;
  view.spec = spec;
}

void set_max_lease(core::View& view, core::Duration max_lease) {
  auto spec = std::make_shared<core::Spec>(*view.spec);
  for (core::ShardSpec& shard : spec->shards) shard.gate.max_lease = max_lease;
  view.spec = spec;
}

// A reader's mapping.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {
    EXPECT_EQ(rpoguard_lease_map(&page_, path_.c_str()), 0);
  }
  ~Reader() { rpoguard_lease_unmap(&page_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  const rpoguard_lease_record* find(const std::string& shard) const {
    return rpoguard_lease_find(&page_, shard.c_str());
  }
  bool open(const std::string& shard) const { return rpoguard_lease_open(find(shard), 0) != 0; }
  bool open_for(const std::string& shard, std::int64_t epoch, std::int64_t generation = -1) const {
    return rpoguard_lease_open_for(find(shard), epoch, generation, 0) != 0;
  }
  /// As who states an epoch, a timeline and a writer.
  bool open_to(const std::string& shard, std::int64_t epoch, std::int64_t timeline,
               const char* writer) const {
    rpoguard_lease_caller caller = RPOGUARD_LEASE_CALLER_INIT;
    caller.epoch = epoch;
    caller.timeline = timeline;
    caller.writer = writer;
    return rpoguard_lease_open_to(find(shard), &caller) != 0;
  }
  rpoguard_lease lease(const std::string& shard) const {
    rpoguard_lease lease{};
    EXPECT_EQ(rpoguard_lease_read(find(shard), &lease), 0);
    return lease;
  }
  bool refresh() { return rpoguard_lease_refresh(&page_, path_.c_str()) != 0; }
  bool superseded() const { return rpoguard_lease_superseded(&page_) != 0; }
  const rpoguard_lease_page& page() const { return page_; }

 private:
  std::string path_;
  rpoguard_lease_page page_{};
};

class LeasePageTest : public ::testing::Test {
 protected:
  std::unique_ptr<LeasePage> create(const std::vector<std::string>& shards) const {
    auto made = LeasePage::create(path_, shards);
    EXPECT_TRUE(made.ok());
    return std::move(made).value();
  }
  std::unique_ptr<LeasePage> publish(const core::View& view) const {
    auto page = create(ids_of(view));
    page->write(view, boot_now());
    EXPECT_TRUE(page->publish().ok());
    return page;
  }

  TempDir dir_;
  std::string path_ = dir_ / "lease";
};

TEST_F(LeasePageTest, says_what_the_gate_says_until_when_and_for_whom) {
  const core::Instant now = boot_now();
  const auto view = healthy_view(now, 2);
  const auto page = publish(*view);
  const Reader reader(path_);
  const rpoguard_lease lease = reader.lease("s1");
  EXPECT_EQ(lease.open_until_ns,
            static_cast<std::uint64_t>((now + 4300ms).time_since_epoch().count()));
  EXPECT_EQ(lease.open_until_low_priority_ns,
            static_cast<std::uint64_t>((now + 3300ms).time_since_epoch().count()));
  EXPECT_EQ(lease.epoch, 7);
  EXPECT_EQ(lease.timeline, 3U);
  EXPECT_EQ(lease.generation, -1);
  EXPECT_EQ(lease.mode, unsigned{RPOGUARD_LEASE_ENFORCE});
  EXPECT_EQ(lease.waived, 0U);
  EXPECT_STREQ(lease.reason, "");
  EXPECT_STREQ(lease.shard, "s1");
  EXPECT_STREQ(lease.writer, "iad-a");
  EXPECT_STREQ(lease.writer_region, "iad");
  EXPECT_TRUE(reader.open("s0"));
  EXPECT_FALSE(reader.open("s2"));
  EXPECT_GE(reader.page().header->updated_ns,
            static_cast<std::uint64_t>(now.time_since_epoch().count()));
}

TEST_F(LeasePageTest, closes_at_once_with_the_gate_and_says_why) {
  auto view = healthy_view(boot_now());
  const auto page = publish(*view);
  const Reader reader(path_);
  ASSERT_TRUE(reader.open("s0"));
  shard_of(*view, 0).gate.reasons = {core::Reason::split_brain};
  page->write(*view, boot_now());
  EXPECT_FALSE(reader.open("s0"));
  EXPECT_EQ(reader.lease("s0").open_until_ns, 0U);
  EXPECT_STREQ(reader.lease("s0").reason, "split_brain");
  shard_of(*view, 0).gate.reasons.clear();
  page->write(*view, boot_now());
  EXPECT_TRUE(reader.open("s0"));
  view->shards[0] = nullptr;
  page->write(*view, boot_now());
  EXPECT_FALSE(reader.open("s0"));
  EXPECT_STREQ(reader.lease("s0").reason, "unproven");
  EXPECT_EQ(reader.lease("s0").epoch, -1);
  EXPECT_EQ(reader.lease("s0").timeline, 0U);
}

// Nobody writes any more, as after SIGKILL.
TEST_F(LeasePageTest, an_unrenewed_lease_runs_out) {
  auto view = healthy_view(boot_now());
  shard_of(*view, 0).gate.open_until = boot_now() - 1ns;
  shard_of(*view, 0).gate.when_expired = core::Reason::rpo_exceeded;
  set_max_lease(*view, 2h);
  const auto page = publish(*view);
  const Reader reader(path_);
  EXPECT_FALSE(reader.open("s0"));
  shard_of(*view, 0).gate.open_until = boot_now() + 1h;
  page->write(*view, boot_now());
  EXPECT_GT(rpoguard_lease_left_ns(reader.find("s0"), 0), 3'590'000'000'000U);
  EXPECT_LE(rpoguard_lease_left_ns(reader.find("s0"), 0), 3'600'000'000'000U);
  shard_of(*view, 0).gate.open_until = boot_now() + 2ms;
  page->write(*view, boot_now());
  const core::Instant end = boot_now() + 2ms;
  while (boot_now() < end) std::this_thread::yield();
  EXPECT_FALSE(reader.open("s0"));
}

// However long the proof holds: who freezes the shard need not wait for that.
TEST_F(LeasePageTest, no_deadline_is_later_than_max_lease_allows) {
  auto view = healthy_view(boot_now());
  set_max_lease(*view, 3s);
  shard_of(*view, 0).gate.open_until = boot_now() + 1h;
  shard_of(*view, 0).gate.shed_low_priority_from = boot_now() + 50min;
  const core::Instant evaluated = shard_of(*view, 0).evaluated;
  const auto page = publish(*view);
  const Reader reader(path_);
  const auto limit = static_cast<std::uint64_t>((evaluated + 3s).time_since_epoch().count());
  EXPECT_EQ(reader.lease("s0").open_until_ns, limit);
  EXPECT_EQ(reader.lease("s0").open_until_low_priority_ns, limit);
  page->write(*view, boot_now());
  EXPECT_EQ(reader.lease("s0").open_until_ns, limit) << "writing it again looks at nothing";
  for (const auto mode : {core::GateMode::shadow, core::GateMode::off}) {
    set_mode(*view, mode);
    const core::Instant now = boot_now();
    page->write(*view, now);
    EXPECT_EQ(reader.lease("s0").open_until_ns,
              static_cast<std::uint64_t>((now + 3s).time_since_epoch().count()));
  }
}

TEST_F(LeasePageTest, a_caller_of_another_history_is_refused_though_its_epoch_is_right) {
  auto view = healthy_view(boot_now());
  auto page = publish(*view);
  const Reader reader(path_);
  EXPECT_TRUE(reader.open_to("s0", 7, 3, "iad-a"));
  EXPECT_TRUE(reader.open_to("s0", -1, 3, nullptr));
  EXPECT_TRUE(reader.open_to("s0", -1, -1, "iad-a"));
  EXPECT_TRUE(reader.open_to("s0", -1, -1, nullptr));
  for (const std::int64_t timeline : {2, 4, 0}) EXPECT_FALSE(reader.open_to("s0", 7, timeline, ""));
  for (const char* writer : {"iad-b", "iad", "iad-a-", ""})
    EXPECT_FALSE(reader.open_to("s0", 7, 3, writer)) << writer;
  EXPECT_FALSE(reader.open_to("s0", 7, 3, std::string(100, 'a').c_str()));
  EXPECT_FALSE(reader.open_to("s0", 6, 3, "iad-a"));
  // Open to who states nothing, and nobody is the writer.
  shard_of(*view, 0).writer.reset();
  page->write(*view, boot_now());
  EXPECT_TRUE(reader.open("s0"));
  EXPECT_FALSE(reader.open_to("s0", -1, 3, nullptr));
  EXPECT_FALSE(reader.open_to("s0", -1, 0, nullptr));
  EXPECT_FALSE(reader.open_to("s0", -1, -1, ""));
}

// Version 1 had zeros where the timeline is: each side reads what the other one writes.
TEST_F(LeasePageTest, a_page_without_a_timeline_refuses_only_who_states_one) {
  const auto page = publish(*healthy_view(boot_now()));
  std::string text = read_file(path_);
  ASSERT_EQ(text[64 + 56], 3);
  text[64 + 56] = 0;
  write_file(dir_ / "old", text);
  const Reader reader(dir_ / "old");
  EXPECT_TRUE(reader.open_for("s0", 7));
  EXPECT_TRUE(reader.open_to("s0", 7, -1, "iad-a"));
  EXPECT_FALSE(reader.open_to("s0", 7, 3, "iad-a"));
}

TEST_F(LeasePageTest, a_fenced_caller_is_refused_by_epoch_and_generation) {
  auto view = healthy_view(boot_now(), 2);
  auto spec = std::make_shared<core::Spec>(*view->spec);
  spec->shards[0].generation_witness.emplace();
  view->spec = spec;
  shard_of(*view, 0).generation_witness = core::WitnessView{12, "", boot_now(), {}};
  const auto page = publish(*view);
  const Reader reader(path_);
  EXPECT_EQ(reader.lease("s0").generation, 12);
  EXPECT_TRUE(reader.open_for("s0", 7, 12));
  EXPECT_TRUE(reader.open_for("s0", -1, 12));
  EXPECT_FALSE(reader.open_for("s0", 6, 12));
  EXPECT_FALSE(reader.open_for("s0", 8, 12));
  EXPECT_FALSE(reader.open_for("s0", 7, 11));
  EXPECT_FALSE(reader.open_for("s1", 7, 12)) << "no generation is known";
  EXPECT_TRUE(reader.open_for("s1", 7));
  // The generation's own witness fell silent: who states one is refused, the others are not.
  shard_of(*view, 0).generation_witness->as_of = boot_now() - 1h;
  page->write(*view, boot_now());
  EXPECT_FALSE(reader.open_for("s0", 7, 12));
  EXPECT_TRUE(reader.open_for("s0", 7));
}

TEST_F(LeasePageTest, shadow_and_off_say_open_whatever_is_wrong) {
  for (const auto mode : {core::GateMode::shadow, core::GateMode::off}) {
    auto view = healthy_view(boot_now(), 2);
    set_mode(*view, mode);
    shard_of(*view, 0).gate.reasons = {core::Reason::rpo_exceeded};
    view->shards[1] = nullptr;
    const auto page = publish(*view);
    const Reader reader(path_);
    EXPECT_EQ(reader.lease("s0").mode, static_cast<unsigned>(mode));
    for (const char* shard : {"s0", "s1"}) {
      EXPECT_TRUE(reader.open(shard)) << shard;
      EXPECT_TRUE(reader.open_for(shard, 99, 99)) << shard;
      EXPECT_TRUE(reader.open_to(shard, 99, 99, "nobody")) << shard;
      EXPECT_NE(rpoguard_lease_open(reader.find(shard), 1), 0) << shard;
      // Longer than until the next update, and still a lease.
      EXPECT_GT(rpoguard_lease_left_ns(reader.find(shard), 0), 2'000'000'000U);
      EXPECT_LE(rpoguard_lease_left_ns(reader.find(shard), 0), 4'000'000'000U);
    }
    EXPECT_STREQ(reader.lease("s0").reason, mode == core::GateMode::shadow ? "rpo_exceeded" : "");
  }
}

TEST_F(LeasePageTest, other_shards_are_another_page_and_old_readers_find_it) {
  const auto before = healthy_view(boot_now(), 3);
  auto page = publish(*before);
  Reader reader(path_);
  ASSERT_TRUE(reader.open("s2"));
  EXPECT_FALSE(reader.refresh());
  const auto after = healthy_view(boot_now(), 2);
  EXPECT_TRUE(page->holds(*before->spec));
  EXPECT_FALSE(page->holds(*after->spec));
  auto next = publish(*after);
  page = std::move(next);
  EXPECT_TRUE(reader.superseded());
  for (const char* shard : {"s0", "s1", "s2"}) EXPECT_FALSE(reader.open(shard)) << shard;
  EXPECT_TRUE(reader.refresh());
  EXPECT_FALSE(reader.superseded());
  EXPECT_TRUE(reader.open("s0"));
  EXPECT_EQ(reader.find("s2"), nullptr);
}

// The rpoguard that owned the page was killed: its leases are not those of the new one.
TEST_F(LeasePageTest, a_page_left_behind_is_closed_by_the_next) {
  const auto view = healthy_view(boot_now());
  const auto killed = publish(*view);
  const Reader reader(path_);
  ASSERT_TRUE(reader.open("s0"));
  const auto next = create({"s0"});
  EXPECT_TRUE(reader.open("s0")) << "a draft takes nothing over";
  EXPECT_TRUE(next->publish().ok());
  EXPECT_FALSE(reader.open("s0"));
  EXPECT_TRUE(killed->superseded());
  EXPECT_FALSE(next->superseded());
  EXPECT_FALSE(Reader(path_).open("s0")) << "a new page starts closed";
}

TEST_F(LeasePageTest, an_orderly_end_closes_every_lease) {
  auto page = publish(*healthy_view(boot_now()));
  const Reader reader(path_);
  ASSERT_TRUE(reader.open("s0"));
  page.reset();
  EXPECT_FALSE(reader.open("s0"));
  EXPECT_TRUE(reader.superseded());
  EXPECT_FALSE(Reader(path_).open("s0"));
}

TEST_F(LeasePageTest, a_draft_that_is_not_published_leaves_nothing) {
  create({"s0"}).reset();
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(LeasePageTest, what_is_no_page_is_neither_replaced_nor_mapped) {
  write_file(path_, std::string(4096, 'x'));
  const auto refused = LeasePage::create(path_, {"s0"});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find(path_), std::string::npos);
  EXPECT_EQ(read_file(path_), std::string(4096, 'x'));
  rpoguard_lease_page page{};
  EXPECT_EQ(rpoguard_lease_map(&page, path_.c_str()), EPROTO);
  EXPECT_EQ(rpoguard_lease_find(&page, "s0"), nullptr);
  EXPECT_EQ(rpoguard_lease_map(&page, (dir_ / "none").c_str()), ENOENT);
  EXPECT_EQ(rpoguard_lease_map(&page, dir_.path().c_str()), EPROTO);
  EXPECT_EQ(rpoguard_lease_open(nullptr, 0), 0);
  EXPECT_EQ(rpoguard_lease_open_for(nullptr, -1, -1, 0), 0);
  EXPECT_FALSE(LeasePage::create(dir_.path(), {"s0"}).ok());
}

TEST_F(LeasePageTest, a_page_cut_short_or_of_another_version_is_refused) {
  const auto page = publish(*healthy_view(boot_now(), 2));
  const std::string whole = read_file(path_);
  rpoguard_lease_page reader{};
  const auto error_of = [&](const std::string& text) {
    write_file(dir_ / "copy", text);
    return rpoguard_lease_map(&reader, (dir_ / "copy").c_str());
  };
  for (const std::size_t bytes : {0U, 63U, 64U, 383U, 703U}) {
    EXPECT_EQ(error_of(whole.substr(0, bytes)), EPROTO) << bytes;
  }
  std::string other_version = whole;
  other_version[8] = 2;
  EXPECT_EQ(error_of(other_version), EPROTO);
  EXPECT_EQ(error_of(whole), 0);
  rpoguard_lease_unmap(&reader);
}

TEST_F(LeasePageTest, no_directory_and_no_room_are_errors_that_say_so) {
  const auto lost = LeasePage::create(dir_ / "none" / "lease", {"s0"});
  ASSERT_FALSE(lost.ok());
  EXPECT_NE(lost.error().message.find("No such file or directory"), std::string::npos);

  // A full disk, as far as this process is concerned.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  const auto full = LeasePage::create(path_, {"s0"});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(full.ok());
  EXPECT_NE(full.error().message.find("cannot create the lease page"), std::string::npos)
      << full.error().message;
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

// The writer was stopped in the middle of an update.
TEST_F(LeasePageTest, an_update_that_never_ends_is_closed_for_fenced_callers) {
  const auto page = publish(*healthy_view(boot_now()));
  std::string text = read_file(path_);
  text[64] = static_cast<char>(text[64] + 1);
  write_file(dir_ / "stuck", text);
  const Reader reader(dir_ / "stuck");
  rpoguard_lease copy{};
  EXPECT_EQ(rpoguard_lease_read(reader.find("s0"), &copy), EAGAIN);
  EXPECT_FALSE(reader.open_for("s0", 7));
  EXPECT_FALSE(reader.open_to("s0", 7, 3, "iad-a"));
  EXPECT_TRUE(reader.open("s0")) << "one deadline is never torn";
}

// The writer moves to and fro; no reader ever sees a piece of both.
TEST_F(LeasePageTest, nothing_is_torn_under_constant_updates) {
  const auto iad = healthy_view(boot_now());
  const auto phx = healthy_view(boot_now());
  shard_of(*phx, 0).writer = core::WriterView{"phx-a-with-a-name-of-some-length", "phx",
                                              core::Epoch{8}, core::Timeline{4}};
  shard_of(*phx, 0).gate.reasons = {core::Reason::reopening};
  const auto page = publish(*iad);
  std::atomic<bool> over{false};
  std::atomic<int> reads{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      const Reader reader(path_);
      const rpoguard_lease_record* record = reader.find("s0");
      while (!over) {
        rpoguard_lease lease{};
        if (rpoguard_lease_read(record, &lease) != 0) continue;
        const bool at_iad = lease.epoch == 7 && lease.timeline == 3 &&
                            std::string(lease.writer) == "iad-a" &&
                            std::string(lease.writer_region) == "iad" && lease.open_until_ns != 0 &&
                            std::string(lease.reason).empty();
        const bool at_phx = lease.epoch == 8 && lease.timeline == 4 &&
                            std::string(lease.writer) == "phx-a-with-a-name-of-some-length" &&
                            std::string(lease.writer_region) == "phx" && lease.open_until_ns == 0 &&
                            std::string(lease.reason) == "reopening";
        if (!at_iad && !at_phx) ++wrong;
        // The lease of epoch 7 with the number 8 is what tearing would look like.
        if (rpoguard_lease_open_for(record, 8, -1, 0) != 0) ++wrong;
        rpoguard_lease_caller phx_caller = RPOGUARD_LEASE_CALLER_INIT;
        phx_caller.timeline = 4;
        phx_caller.writer = "phx-a-with-a-name-of-some-length";
        if (rpoguard_lease_open_to(record, &phx_caller) != 0) ++wrong;
        ++reads;
      }
    });
  }
  for (int i = 0; i < 2'000'000 && (i < 20'000 || reads < 20'000); ++i)
    page->write(i % 2 == 0 ? *phx : *iad, boot_now());
  over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(reads, 1000);
}

// Before rpoguard notices: a store to what is gone would end the process.
TEST_F(LeasePageTest, survives_that_its_file_is_cut_short_at_any_place) {
  const auto view = healthy_view(boot_now(), 100);  // some pages of memory
  for (const std::size_t bytes : {0U, 1U, 64U, 4096U, 20000U}) {
    auto page = publish(*view);
    ASSERT_TRUE(page->intact());
    std::filesystem::resize_file(path_, bytes);
    EXPECT_FALSE(page->intact());
    page->write(*view, boot_now());
    EXPECT_FALSE(page->superseded());
    page.reset();
    // A reader that has mapped it before would fault; now it finds out that there is another.
    const Reader reader(path_);
    EXPECT_TRUE(reader.superseded()) << bytes;
    EXPECT_FALSE(reader.open("s0")) << bytes;
    EXPECT_FALSE(reader.open("s99")) << bytes;
  }
}

TEST_F(LeasePageTest, an_access_of_somebody_else_to_what_is_gone_ends_the_process_as_ever) {
  const auto page = publish(*healthy_view(boot_now()));  // has the handler
  write_file(dir_ / "other", std::string(4096, 'x'));
  const int file = ::open((dir_ / "other").c_str(), O_RDWR | O_CLOEXEC);
  auto* const mapped = static_cast<volatile char*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  std::filesystem::resize_file(dir_ / "other", 0);
  EXPECT_EXIT(mapped[0] = 'y', ::testing::KilledBySignal(SIGBUS), "");
  ::munmap(const_cast<char*>(mapped), 4096);
  ::close(file);
}

TEST_F(LeasePageTest, what_is_left_of_a_page_is_replaced_and_nothing_else) {
  const auto view = healthy_view(boot_now());
  publish(*view).reset();
  const std::string whole = read_file(path_);
  for (const std::size_t bytes : {0U, 1U, 8U, 63U, 64U, 100U}) {
    write_file(path_, whole.substr(0, bytes));
    EXPECT_TRUE(publish(*view)->intact()) << bytes;
  }
  for (const char* text : {"R", "RPOLEASX", "x", "RPOLEASX and more than that"}) {
    if (whole.starts_with(text)) continue;
    write_file(path_, text);
    EXPECT_FALSE(LeasePage::create(path_, {"s0"}).ok()) << text;
  }
}

TEST_F(LeasePageTest, readers_in_c_cxx_and_python_agree) {
  auto view = healthy_view(boot_now(), 2);
  set_max_lease(*view, 2h);
  shard_of(*view, 0).gate.open_until = boot_now() + 1h;
  shard_of(*view, 0).gate.shed_low_priority_from = boot_now();
  shard_of(*view, 1).gate.reasons = {core::Reason::no_writer};
  shard_of(*view, 1).writer.reset();
  const auto page = publish(*view);
  const std::string of_s0 =
      " low=closed epoch=7 timeline=3 generation=-1 mode=0 waived=0 writer=iad-a region=iad "
      "reason=\n";
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{path_, "s0"}, "open" + of_s0},
      {{path_, "s0", "7"}, "open" + of_s0},
      {{path_, "s0", "6"}, "closed" + of_s0},
      {{path_, "s0", "7", "12"}, "closed" + of_s0},
      {{path_, "s0", "7", "-1", "3", "iad-a"}, "open" + of_s0},
      {{path_, "s0", "7", "-1", "2"}, "closed" + of_s0},
      {{path_, "s0", "7", "-1", "3", "iad"}, "closed" + of_s0},
      {{path_, "s1"},
       "closed low=closed epoch=-1 timeline=0 generation=-1 mode=0 waived=0 writer= region= "
       "reason=no_writer\n"},
      {{path_, "s2"}, "closed unknown_shard\n"},
      {{path_ + ".none", "s0"}, "no page: No such file or directory\n"},
  };
  for (const auto& [arguments, said] : rows) {
    for (const std::vector<std::string>& program : {std::vector<std::string>{LEASE_READER_C},
                                                    {LEASE_READER_CXX},
                                                    {"python3", LEASE_READER_PY}}) {
      SpawnOptions call{.argv = program};
      call.argv.insert(call.argv.end(), arguments.begin(), arguments.end());
      const CommandResult result = run_command(call);
      EXPECT_EQ(result.output, said) << program.back();
      const int code = said.starts_with("open") ? 0 : said.starts_with("closed") ? 1 : 2;
      EXPECT_EQ(result.exit_code, code) << program.back() << ": " << said;
    }
  }
}

}  // namespace
}  // namespace rpoguard::test
