#include "exporter/core/tell/remark.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/event_cases.hpp"

namespace rpoguard::core {
namespace {

using namespace std::chrono_literals;
using namespace test;  // NOLINT(google-build-using-namespace): the quiet view

constexpr Instant kNow{100s};
using Lines = std::vector<std::string>;

// "unsure Epoch witness: silent"
Lines lines(const std::vector<Remark>& remarks) {
  Lines texts;
  for (const Remark& remark : remarks) {
    const char* const tone = remark.tone == Tone::plain    ? "plain"
                             : remark.tone == Tone::good   ? "good"
                             : remark.tone == Tone::unsure ? "unsure"
                                                           : "bad";
    EXPECT_EQ(is_trouble(remark), remark.tone == Tone::unsure || remark.tone == Tone::bad);
    texts.push_back(std::string(tone) + " " + render_remark(remark));
  }
  return texts;
}

Lines remarks_on(void (*change)(ShardView&)) {
  ShardView view = quiet_view();
  change(view);
  return lines(remarks_of(view, kNow));
}

TEST(Remarks, are_none_where_nothing_is_configured) {
  EXPECT_EQ(remarks_on([](ShardView&) {}), Lines{});
}

TEST(Remarks, on_the_exposure_say_how_soon_it_reaches_the_rpo) {
  EXPECT_EQ(remarks_on([](ShardView& view) { view.exposure_growth = 0.5; }),
            Lines{"unsure Exposure: growing, at this pace the budget is used up in 8.0 s"});
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.exposure_growth = 0.5;
              view.recovery_point = kNow - 6s;
              view.bootstrapped = true;
            }),
            Lines{"unsure Exposure: estimated by commit times: just started"})
      << "it has reached it";
}

TEST(Remarks, on_what_the_writer_lost_are_made_for_an_hour) {
  const auto lose = [](ShardView& view, Duration ago) {
    view.wal_losses.last = WalLoss{"iad-a", Lsn{0x500}, Lsn{0x300}, kNow - ago};
  };
  ShardView view = quiet_view();
  lose(view, 3min);
  EXPECT_EQ(
      lines(remarks_of(view, kNow)),
      Lines{"bad Writer iad-a: has lost WAL 3.0 min ago: it had flushed its WAL up to 0/500, "
            "and goes on from 0/300; a copy that has diverged may be the last to have what is "
            "lost"});
  lose(view, 1h);
  EXPECT_EQ(lines(remarks_of(view, kNow)), Lines{});
}

TEST(Remarks, on_a_promise_need_a_problem) {
  EXPECT_EQ(remarks_on([](ShardView& view) { view.synchronous.promised = true; }), Lines{});
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.synchronous = {true, false, "why"};
            }),
            Lines{"bad Synchronous durability: not proven: why"});
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.synchronous = {true, true, "why"};
            }),
            Lines{"bad Synchronous durability: downgraded: why"});
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.synchronous = {true, true, "why"};
              view.writer.reset();
            }),
            Lines{"bad Synchronous durability: not proven: why"})
      << "nobody knows what the writer requires";
}

TEST(Remarks, on_the_endpoint_say_where_it_leads_and_how_that_is_known) {
  EXPECT_EQ(remarks_on([](ShardView& view) { view.endpoint.emplace(); }),
            Lines{"unsure Writer endpoint: not known whether it leads to the writer"});
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.endpoint = EndpointView{true, 4ms, kNow - 2s, {}, ""};
            }),
            Lines{"good Writer endpoint: leads to the writer, a commit took 4 ms"});
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.endpoint = EndpointView{
                  false, {}, kNow - 30s, ProbeError{ProbeFailure::timeout, "gave up"}, "a note"};
            }),
            Lines{"bad Writer endpoint: does not lead to the writer, last good 30 s ago, "
                  "timeout: gave up, a note"});
}

TEST(Remarks, do_not_say_twice_why_the_endpoint_failed) {
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.endpoint.emplace();
              view.endpoint->failure = ProbeError{ProbeFailure::timeout, "gave up"};
              view.endpoint->note = "gave up";
            }),
            Lines{"unsure Writer endpoint: not known whether it leads to the writer, "
                  "timeout: gave up"});
}

TEST(Remarks, on_witnesses_give_their_number_or_their_silence) {
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.epoch_witness = WitnessView{7, "iad", kNow, {}};
              view.generation_witness =
                  WitnessView{12, "", kNow, ProbeError{ProbeFailure::refused, "no"}};
            }),
            (Lines{"plain Epoch witness: says 7 (iad)",
                   "plain Generation witness: says 12, refused: no"}));
  EXPECT_EQ(
      remarks_on([](ShardView& view) {
        view.epoch_witness = WitnessView{{}, "", kNow - 110s, {}};
        view.generation_witness = WitnessView{{}, "", {}, ProbeError{ProbeFailure::refused, "no"}};
      }),
      (Lines{"unsure Epoch witness: silent for 110 s",
             "unsure Generation witness: silent, refused: no"}));
}

TEST(Remarks, on_the_archive_say_how_far_it_goes_and_what_is_wrong) {
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.archive.enabled = true;
              view.archive.counted = true;
              view.archive.recovery_point = kNow - 42s;
              view.archive.frontier = Lsn{0x2000000};
              view.archive.ready_segments = 1;
            }),
            (Lines{"plain WAL archive: has everything up to 42 s ago (0/2000000), counted as a "
                   "copy",
                   "plain WAL archive: 1 segment waiting"}));
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.archive.enabled = true;
              view.archive.frontier = Lsn{0x2000000};
              view.archive.gap_segments = 2;
              view.archive.claimed_ahead_bytes = 33'554'432;
              view.archive.failure = ProbeError{ProbeFailure::timeout, "no listing"};
              view.archive.note = "another system identifier";
            }),
            (Lines{"unsure WAL archive: age unknown (0/2000000)",
                   "bad WAL archive: hole of 2 segments at 0/2000000",
                   "unsure WAL archive: the writer claims 32 MiB more than the archive holds",
                   "bad WAL archive: last look failed, timeout: no listing",
                   "unsure WAL archive: another system identifier"}));
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.archive.enabled = true;
              view.archive.gap_segments = 1;
            }),
            (Lines{"unsure WAL archive: age unknown", "bad WAL archive: hole of 1 segment"}));
}

TEST(Remarks, say_who_froze_and_what_is_waived) {
  EXPECT_EQ(
      remarks_on([](ShardView& view) {
        view.freeze = Freeze{"jo", "a move", {}, std::nullopt};
        view.waiver = WaiverView{kNow + 110s, "epoch 8"};
      }),
      (Lines{"bad Writes: frozen by jo: a move", "unsure RPO: waived for another 110 s: epoch 8"}));
}

TEST(Remarks, say_what_to_type_to_stamp_a_promoted_server) {
  EXPECT_EQ(remarks_on([](ShardView& view) {
              view.stamp_statements = {"select for_iad()", "select for_phx()"};
            }),
            (Lines{"unsure To stamp a promoted server: select for_iad();",
                   "unsure To stamp a promoted server: select for_phx();"}));
}

TEST(Remarks, on_a_node_are_its_note_its_fork_its_replay_and_its_failure) {
  NodeView node;
  EXPECT_EQ(lines(remarks_of(node)), Lines{});
  node.note = "epoch 6";
  node.diverged_bytes = 1'048'576;
  EXPECT_EQ(lines(remarks_of(node)), (Lines{"plain epoch 6", "bad has diverged by 1.0 MiB"}));
  node.lineage_note = "it left at 0/2F00000: rebuild it";
  node.failure = ProbeError{ProbeFailure::refused, "no"};
  node.apply_delay = 5min;
  node.replay_paused = true;
  EXPECT_EQ(lines(remarks_of(node)),
            (Lines{"plain epoch 6", "bad has diverged by 1.0 MiB: it left at 0/2F00000: rebuild it",
                   "plain replays 5.0 min late", "unsure replay paused", "plain refused: no"}));
}

TEST(Remarks, on_a_second_name_say_whose_and_what_to_correct) {
  NodeView node;
  node.same_server_as = "iad-b";
  EXPECT_EQ(lines(remarks_of(node)),
            Lines{"unsure is the same server as iad-b, as far as rpoguard can tell, so it counts "
                  "once at most: correct its host or its DNS record"});
}

TEST(Remarks, on_whose_wal_a_node_holds_are_made_where_it_does_not_count) {
  NodeView node;
  for (const Lineage sound : {Lineage::follows, Lineage::assumed}) {
    node.lineage = sound;
    EXPECT_EQ(lines(remarks_of(node)), Lines{});
  }
  node.lineage_note = "why: what to do";
  node.lineage = Lineage::unknown;
  EXPECT_EQ(lines(remarks_of(node)), Lines{"unsure does not count: why: what to do"});
  node.lineage = Lineage::diverged;
  EXPECT_EQ(lines(remarks_of(node)), Lines{"bad has diverged: why: what to do"});
}

}  // namespace
}  // namespace rpoguard::core
