#include "exporter/core/judge/archive.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace rpoguard::core {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

/// Segment `number` since the beginning of all WAL, by name.
std::string name(std::uint32_t timeline, std::uint64_t number, std::uint64_t segment_bytes) {
  const std::uint64_t per_log = (std::uint64_t{1} << 32U) / segment_bytes;
  char text[25];
  std::snprintf(text, sizeof text, "%08X%08X%08X", timeline,
                static_cast<unsigned>(number / per_log), static_cast<unsigned>(number % per_log));
  return text;
}

/// An archive as a set of segments, and what an observer makes of it.
struct Files {
  std::uint64_t segment_bytes = 16 * kMiB;
  std::set<std::pair<std::uint32_t, std::uint64_t>> segments{};

  void add(std::uint32_t timeline, std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t n = first; n <= last; ++n) segments.insert({timeline, n});
  }
  ArchiveFacts facts() const {
    const std::uint64_t per_log = (std::uint64_t{1} << 32U) / segment_bytes;
    ArchiveFacts result;
    for (const auto& [timeline, number] : segments) {
      const auto log = static_cast<std::uint32_t>(number / per_log);
      const auto in_log = static_cast<std::uint32_t>(number % per_log);
      auto* back = result.runs.empty() ? nullptr : &result.runs.back();
      if (back != nullptr && back->timeline.value == timeline && back->log == log &&
          back->last + 1 == in_log) {
        back->last = in_log;
      } else {
        result.runs.push_back({Timeline{timeline}, log, in_log, in_log});
      }
    }
    return result;
  }
};

WalPath on(std::uint32_t timeline, std::vector<TimelineStep> steps,
           std::uint64_t segment_bytes = 16 * kMiB) {
  return {Timeline{timeline}, TimelineHistory{std::move(steps)}, segment_bytes};
}

TEST(ContiguousFrontier, ends_where_the_first_segment_is_missing) {
  Files files;
  files.add(1, 3, 7);
  EXPECT_EQ(contiguous_frontier(files.facts(), on(1, {})), (Frontier{Lsn{8 * 16 * kMiB}, 0}));
  files.segments.erase({1, 5});
  files.segments.erase({1, 6});
  EXPECT_EQ(contiguous_frontier(files.facts(), on(1, {})), (Frontier{Lsn{5 * 16 * kMiB}, 2}));
}

TEST(ContiguousFrontier, goes_on_into_the_next_log_at_every_segment_size) {
  for (std::uint64_t size = kMiB; size <= 1024 * kMiB; size *= 2) {
    const std::uint64_t per_log = (std::uint64_t{1} << 32U) / size;
    Files files{size};
    files.add(1, per_log - 2, per_log + 1);
    EXPECT_EQ(contiguous_frontier(files.facts(), on(1, {}, size)),
              (Frontier{Lsn{(per_log + 2) * size}, 0}))
        << size;
  }
}

TEST(ContiguousFrontier, of_an_archive_without_wal_of_the_path_is_unknown) {
  Files files;
  EXPECT_FALSE(contiguous_frontier(files.facts(), on(1, {})));
  files.add(2, 1, 4);
  EXPECT_FALSE(contiguous_frontier(files.facts(), on(1, {})));
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1000}, 2048 * kMiB})
    EXPECT_FALSE(contiguous_frontier(files.facts(), on(2, {}, size))) << size;
}

TEST(ContiguousFrontier, names_that_the_segment_size_forbids_are_no_segments) {
  Files files{kMiB};
  files.add(1, 300, 302);  // beyond the 256 segments of 16 MiB in a log
  EXPECT_FALSE(contiguous_frontier(files.facts(), on(1, {})));
  ArchiveFacts turned;
  turned.runs = {{Timeline{1}, 0, 7, 3}};
  EXPECT_FALSE(contiguous_frontier(turned, on(1, {})));
}

TEST(ContiguousFrontier, takes_the_segment_of_a_switch_point_from_the_child) {
  const std::uint64_t size = 16 * kMiB;
  const auto path = on(2, {{Timeline{1}, Lsn{5 * size + 100}}});
  Files files;
  files.add(1, 3, 7);  // the parent went on to 7, which the child never accepted
  EXPECT_EQ(contiguous_frontier(files.facts(), path), (Frontier{Lsn{5 * size}, 0}));
  files.add(2, 6, 6);
  EXPECT_EQ(contiguous_frontier(files.facts(), path), (Frontier{Lsn{5 * size}, 1}));
  files.add(2, 5, 5);
  EXPECT_EQ(contiguous_frontier(files.facts(), path), (Frontier{Lsn{7 * size}, 0}));
}

TEST(ContiguousFrontier, a_timeline_that_ends_between_segments_leaves_the_last_to_the_parent) {
  const std::uint64_t size = 16 * kMiB;
  const auto path = on(2, {{Timeline{1}, Lsn{5 * size}}});
  Files files;
  files.add(1, 4, 4);
  files.add(2, 5, 5);
  EXPECT_EQ(contiguous_frontier(files.facts(), path), (Frontier{Lsn{6 * size}, 0}));
  files.add(2, 4, 4);  // nobody's: the child began later
  files.segments.erase({1, 4});
  EXPECT_EQ(contiguous_frontier(files.facts(), path), (Frontier{Lsn{6 * size}, 0}));
  files.add(1, 3, 3);
  EXPECT_EQ(contiguous_frontier(files.facts(), path), (Frontier{Lsn{4 * size}, 1}));
}

TEST(ContiguousFrontier, without_a_history_only_a_backup_on_the_own_timeline_is_a_beginning) {
  Files files;
  files.add(1, 1, 4);
  files.add(2, 6, 7);
  const WalPath unknown{Timeline{2}, std::nullopt, 16 * kMiB};
  ArchiveFacts facts = files.facts();
  EXPECT_FALSE(contiguous_frontier(facts, unknown)) << "what it continues may be missing";
  facts.backup_starts = {name(1, 3, 16 * kMiB)};
  EXPECT_FALSE(contiguous_frontier(facts, unknown)) << "the backup may be of another branch";
  facts.backup_starts.push_back(name(2, 6, 16 * kMiB));
  EXPECT_EQ(contiguous_frontier(facts, unknown), (Frontier{Lsn{8 * 16 * kMiB}, 0}));
  EXPECT_EQ(contiguous_frontier(files.facts(), on(2, {{Timeline{1}, Lsn{5 * 16 * kMiB + 1}}})),
            (Frontier{Lsn{5 * 16 * kMiB}, 1}));
}

TEST(ContiguousFrontier, begins_at_the_latest_backup_that_can_be_restored) {
  const std::uint64_t size = 16 * kMiB;
  Files files;
  files.add(1, 2, 3);  // kept for an old backup only
  files.add(1, 6, 9);
  ArchiveFacts facts = files.facts();
  EXPECT_EQ(contiguous_frontier(facts, on(1, {}))->position, Lsn{4 * size});
  facts.backup_starts = {name(1, 2, size), name(1, 7, size)};
  EXPECT_EQ(contiguous_frontier(facts, on(1, {})), (Frontier{Lsn{10 * size}, 0}));
  facts.backup_starts = {name(1, 2, size), name(1, 5, size)};  // its first segment is lost
  EXPECT_EQ(contiguous_frontier(facts, on(1, {})), (Frontier{Lsn{4 * size}, 2}));
  // One of another history, and one that is no name at all, say nothing.
  facts.backup_starts = {name(1, 7, size), name(3, 8, size), "backup"};
  EXPECT_EQ(contiguous_frontier(facts, on(1, {})), (Frontier{Lsn{10 * size}, 0}));
  // Of the parent, but taken after the child left it.
  facts.backup_starts = {name(1, 7, size)};
  EXPECT_EQ(contiguous_frontier(facts, on(2, {{Timeline{1}, Lsn{4 * size + 1}}})),
            (Frontier{Lsn{4 * size}, 0}));
}

TEST(ContiguousFrontier, where_holes_do_not_show_it_is_the_newest_and_the_gap_unknown) {
  Files files;
  files.add(1, 2, 2);
  files.add(1, 9, 9);
  ArchiveFacts facts = files.facts();
  facts.holes_invisible = true;
  EXPECT_EQ(contiguous_frontier(facts, on(1, {})), (Frontier{Lsn{10 * 16 * kMiB}, std::nullopt}));
}

TEST(ContiguousFrontier, of_200000_segments_is_found_at_once) {
  Files files{kMiB};
  files.add(1, 1, 200'000);
  const ArchiveFacts facts = files.facts();
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(contiguous_frontier(facts, on(1, {}, kMiB)), (Frontier{Lsn{200'001 * kMiB}, 0}));
}

/// The rules word for word, a segment at a time.
std::optional<Frontier> walk(const Files& files, const WalPath& path) {
  std::map<Timeline, std::pair<Lsn, Lsn>> parts;
  Lsn begin;
  for (const TimelineStep& step : path.history->steps) {
    parts[step.timeline] = {begin, step.end};
    begin = step.end;
  }
  parts[path.timeline] = {begin, Lsn{UINT64_MAX}};
  const auto archived = [&](std::uint64_t number) {
    const Lsn end{(number + 1) * files.segment_bytes};
    return std::ranges::any_of(parts, [&](const auto& part) {
      const auto& [from, to] = part.second;
      return end > from && end <= to && files.segments.contains({part.first.value, number});
    });
  };
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t n = 0; n < 64; ++n)
    if (archived(n)) numbers.push_back(n);
  if (numbers.empty()) return std::nullopt;
  std::uint64_t hole = numbers.front();
  while (archived(hole)) ++hole;
  std::int64_t missing = 0;
  for (std::uint64_t n = hole; n < numbers.back(); ++n) missing += archived(n) ? 0 : 1;
  return Frontier{Lsn{hole * files.segment_bytes}, missing};
}

TEST(ContiguousFrontier, agrees_with_a_walk_over_single_segments) {
  std::mt19937 random(20260820);
  const auto below = [&](std::uint64_t n) { return static_cast<std::uint32_t>(random() % n); };
  for (int round = 0; round < 5000; ++round) {
    Files files{round % 2 == 0 ? 16 * kMiB : 1024 * kMiB};
    std::vector<TimelineStep> steps;
    Lsn at{0};
    for (std::uint32_t timeline = 1; timeline < 4; timeline += 1 + below(2)) {
      at.value += below(3) == 0 ? below(20) * files.segment_bytes
                                : below(20) * files.segment_bytes + below(1'000'000);
      steps.push_back({Timeline{timeline}, at});
    }
    const WalPath path = on(4, steps, files.segment_bytes);
    const std::uint32_t density = 2 + below(30);
    for (std::uint32_t timeline = 1; timeline <= 5; ++timeline) {
      for (std::uint64_t n = 0; n < 64; ++n)
        if (below(density) != 0) files.segments.insert({timeline, n});
    }
    ASSERT_EQ(contiguous_frontier(files.facts(), path), walk(files, path)) << "round " << round;
  }
}

}  // namespace
}  // namespace rpoguard::core
