#include "exporter/observe/archive/archive_prober.hpp"

#include <atomic>
#include <future>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/observe/archive_files.hpp"
#include "tests/wire/pg_probe_run.hpp"

namespace rpoguard::observe {
namespace {

using namespace std::chrono_literals;
using namespace archives;
using rpoguard::test::BootTimeClock;
using rpoguard::test::eventually;
using rpoguard::test::run_until;
using rpoguard::test::TempDir;

core::ArchiveSpec of_directory(const std::string& path) {
  core::ArchiveSpec spec;
  spec.source = core::ArchiveSource::directory;
  spec.directory = path;
  spec.interval = 20ms;
  return spec;
}

core::ArchiveSpec of_script(const std::string& script) {
  core::ArchiveSpec spec;
  spec.source = core::ArchiveSource::command;
  spec.command = {"/bin/sh", "-c", script};
  spec.interval = 20ms;
  return spec;
}

/// A prober and what it says.
class ProberRun {
 public:
  explicit ProberRun(const std::vector<core::ArchiveSpec>& archives,
                     const OpenDirectory& open = open_archive_directory) {
    auto spec = std::make_shared<core::Spec>();
    for (const core::ArchiveSpec& archive : archives) {
      spec->shards.emplace_back();
      spec->shards.back().archive = archive;
    }
    seen.resize(archives.size());
    prober.emplace(
        loop, spec, clock,
        [this](std::size_t shard, core::ArchiveObservation observation) {
          seen[shard].push_back(std::move(observation));
        },
        open);
    prober->start();
  }
  /// Reaps the children that it kills: other tests of the same process look for them.
  ~ProberRun() {
    prober.reset();
    loop.restart();
    loop.run_for(30s);  // ends when nothing is left to wait for
  }
  ProberRun(const ProberRun&) = delete;
  ProberRun& operator=(const ProberRun&) = delete;

  [[nodiscard]] bool until(std::size_t shard, std::size_t count) {
    return run_until(loop, 30s, [&] { return seen[shard].size() >= count; });
  }
  const core::ArchiveFacts* facts(std::size_t shard = 0) const {
    return std::get_if<core::ArchiveFacts>(&seen[shard].back().outcome);
  }
  const core::ProbeError* error(std::size_t shard = 0) const {
    return std::get_if<core::ProbeError>(&seen[shard].back().outcome);
  }

  asio::io_context loop;
  BootTimeClock clock;
  std::vector<std::vector<core::ArchiveObservation>> seen;
  std::optional<ArchiveProber> prober;
};

TEST(ArchiveProber, looks_again_and_again) {
  const TempDir dir;
  write_sized(dir / "000000010000000000000003", page_header(1, 3 * kMiB), kMiB);
  ProberRun run({of_directory(dir.path()), of_script("echo 000000010000000000000005")});
  ASSERT_TRUE(run.until(0, 2));
  ASSERT_NE(run.facts(0), nullptr);
  EXPECT_EQ(run.facts(0)->runs.front().last, 3U);
  ASSERT_TRUE(run.until(1, 2));
  ASSERT_NE(run.facts(1), nullptr);
  EXPECT_EQ(run.facts(1)->runs.front().last, 5U);
  write_sized(dir / "000000010000000000000004", page_header(1, 4 * kMiB), kMiB);
  const core::Instant written = run.clock.now();
  ASSERT_TRUE(run_until(run.loop, 30s, [&] { return run.seen[0].back().asked > written; }));
  EXPECT_EQ(run.facts(0)->runs.front().last, 4U);
  for (const auto& each : run.seen) {
    for (std::size_t i = 0; i < each.size(); ++i) {
      EXPECT_LE(each[i].asked, each[i].answered);
      if (i > 0) {
        EXPECT_GE(each[i].asked, each[i - 1].answered);
      }
    }
  }
}

TEST(ArchiveProber, leaves_the_archivers_own_word_to_others) {
  ProberRun run({core::ArchiveSpec{}, of_script("true")});
  ASSERT_TRUE(run.until(1, 3));
  EXPECT_TRUE(run.seen[0].empty());
}

TEST(ArchiveProber, a_look_in_vain_says_why) {
  auto json = of_script("echo '[]'");
  json.format = core::ArchiveFormat::pgbackrest;
  ProberRun run({of_directory("/nowhere/wal"), of_script("echo broken >&2; exit 3"), json});
  for (std::size_t shard = 0; shard < 3; ++shard) {
    ASSERT_TRUE(run.until(shard, 1));
    ASSERT_NE(run.error(shard), nullptr) << shard;
  }
  EXPECT_EQ(run.error(0)->message, "cannot list /nowhere/wal: No such file or directory");
  EXPECT_EQ(run.error(1)->message, "/bin/sh failed with exit code 3: broken");
  EXPECT_EQ(run.error(2)->reason, core::ProbeFailure::bad_answer);
  EXPECT_EQ(run.error(2)->message, "/bin/sh: 0 stanzas: name one by --stanza");
}

TEST(ArchiveProber, half_an_answer_is_no_fact) {
  auto slow = of_script("echo 000000010000000000000005; exec sleep 600");
  slow.timeout = 200ms;
  ProberRun run({slow});
  ASSERT_TRUE(run.until(0, 2));
  ASSERT_NE(run.error(), nullptr);
  EXPECT_EQ(run.error()->reason, core::ProbeFailure::timeout);
}

// As a file system whose server has stopped.
struct HungDirectory {
  std::atomic<int> looks = 0;
  std::promise<void> released;
  std::shared_future<void> release = released.get_future().share();
};

TEST(ArchiveProber, a_directory_that_hangs_is_entered_once_and_delays_nobody) {
  auto hung = std::make_shared<HungDirectory>();
  core::ArchiveSpec dead = of_directory("/mnt/dead");
  dead.timeout = 100ms;
  const TempDir dir;
  ProberRun run({dead, of_directory(dir.path()), of_script("true")},
                [hung](const std::string& path) -> DirectoryLook {
                  if (path != "/mnt/dead") return open_archive_directory(path);
                  return [hung]() -> ArchiveOutcome {
                    ++hung->looks;
                    hung->release.wait();
                    return core::ArchiveFacts{};
                  };
                });
  ASSERT_TRUE(run.until(0, 1));
  ASSERT_NE(run.error(), nullptr);
  EXPECT_EQ(run.error()->reason, core::ProbeFailure::timeout);
  EXPECT_EQ(run.error()->message, "no listing of /mnt/dead within 100ms");
  ASSERT_TRUE(run.until(1, run.seen[1].size() + 5));
  ASSERT_TRUE(run.until(2, run.seen[2].size() + 5));
  EXPECT_EQ(run.seen[0].size(), 1U);
  EXPECT_EQ(hung->looks, 1);
  hung->released.set_value();
  ASSERT_TRUE(run.until(0, 2)) << "looked into again";
  EXPECT_NE(run.facts(), nullptr);
}

TEST(ArchiveProber, may_be_destroyed_while_a_directory_hangs) {
  auto hung = std::make_shared<HungDirectory>();
  {
    ProberRun run({of_directory("/mnt/dead")}, [hung](const std::string&) {
      return [hung]() -> ArchiveOutcome {
        ++hung->looks;
        hung->release.wait();
        return core::ArchiveFacts{};
      };
    });
    ASSERT_TRUE(run_until(run.loop, 30s, [&] { return hung->looks == 1; }));
  }
  hung->released.set_value();
  EXPECT_TRUE(eventually(30s, [&] { return hung.use_count() == 1; })) << "the thread has not ended";
}

TEST(ArchiveProber, says_nothing_once_it_is_destroyed) {
  const TempDir dir;
  ProberRun run({of_directory(dir.path()), of_script("exec sleep 600")});
  ASSERT_TRUE(run.until(0, 1));
  run.prober.reset();
  const auto count = run.seen[0].size();
  run.loop.restart();
  run.loop.run();  // ends: nothing is left to wait for
  EXPECT_EQ(run.seen[0].size(), count);
  EXPECT_TRUE(run.seen[1].empty());
}

}  // namespace
}  // namespace rpoguard::observe
