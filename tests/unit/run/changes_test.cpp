#include "exporter/run/changes.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace rpoguard::run {
namespace {

using core::NodeState;
using core::NodeView;
using core::Reason;
using core::ShardView;
using namespace std::chrono_literals;

NodeView node(const std::string& name, NodeState state, bool up = true) {
  NodeView view;
  view.name = name;
  view.state = state;
  view.up = up;
  return view;
}

ShardView healthy() {
  ShardView view;
  auto spec = std::make_shared<core::ShardSpec>();
  spec->id = "184";
  view.spec = spec;
  view.evaluated = core::Instant(100s);
  view.recovery_point = core::Instant(99s);
  view.nodes = {node("iad-a", NodeState::writer), node("phx-a", NodeState::standby)};
  view.writer = core::WriterView{"iad-a", "iad", core::Epoch{7}, core::Timeline{1}};
  view.gate.open_until = core::Instant(104s);
  return view;
}

std::vector<std::string> rendered(const std::vector<LogLine>& lines) {
  std::vector<std::string> texts;
  for (const LogLine& line : lines) texts.push_back(render_logfmt(line));
  return texts;
}

using Lines = std::vector<std::string>;

TEST(Changes, are_none_between_equal_views) {
  const ShardView view = healthy();
  EXPECT_EQ(rendered(changes_between(&view, view)), Lines{});
}

TEST(Changes, of_a_first_view_introduce_the_shard) {
  EXPECT_EQ(rendered(changes_between(nullptr, healthy())),
            (Lines{"msg=\"node state\" shard=184 node=iad-a state=writer",
                   "msg=\"node state\" shard=184 node=phx-a state=standby",
                   "msg=\"writer confirmed\" shard=184 node=iad-a region=iad epoch=7 timeline=1",
                   "msg=\"gate open\" shard=184 exposure=1s"}));
}

TEST(Changes, say_why_a_gate_closed) {
  const ShardView before = healthy();
  ShardView after = before;
  after.evaluated = core::Instant(105s);
  after.gate.reasons = {Reason::rpo_exceeded};
  after.gate.detail = "why";
  EXPECT_EQ(
      rendered(changes_between(&before, after)),
      Lines{"msg=\"gate closed\" shard=184 reason=rpo_exceeded exposure=6s rpo=5s detail=why"});
  EXPECT_EQ(rendered(changes_between(&after, after)), Lines{});
}

TEST(Changes, name_a_node_that_stops_answering_once) {
  const ShardView before = healthy();
  ShardView after = before;
  after.nodes[1].up = false;
  after.nodes[1].failure = core::ProbeError{core::ProbeFailure::refused, "connection refused"};
  EXPECT_EQ(rendered(changes_between(&before, after)),
            Lines{"msg=\"node does not answer\" shard=184 node=phx-a reason=refused "
                  "error=\"connection refused\""});
  EXPECT_EQ(rendered(changes_between(&after, before)),
            Lines{"msg=\"node answers again\" shard=184 node=phx-a"});
}

TEST(Changes, tell_who_froze_and_how_it_ended) {
  const ShardView before = healthy();
  ShardView frozen = before;
  frozen.freeze = core::Freeze{"jo", "a move", {}, core::WallTime(3600s)};
  EXPECT_EQ(rendered(changes_between(&before, frozen)),
            Lines{"msg=\"writes frozen\" shard=184 by=jo reason=\"a move\" "
                  "until=1970-01-01T01:00:00.000Z"});
  ShardView after = before;
  after.freeze_ended = "unfrozen by ana";
  EXPECT_EQ(rendered(changes_between(&frozen, after)),
            Lines{"msg=\"writes no longer frozen\" shard=184 why=\"unfrozen by ana\""});
}

TEST(Changes, tell_of_a_lost_writer_and_a_waiver) {
  const ShardView before = healthy();
  ShardView lost = before;
  lost.writer.reset();
  EXPECT_EQ(rendered(changes_between(&before, lost)),
            Lines{"msg=\"writer lost\" shard=184 was=iad-a"});
  ShardView waived = before;
  waived.waiver = core::WaiverView{core::Instant(160s), "epoch 8"};
  EXPECT_EQ(rendered(changes_between(&before, waived)),
            Lines{"msg=\"waiver granted: the gate may open without proof of a remote copy\" "
                  "shard=184 for=1m why=\"epoch 8\""});
  EXPECT_EQ(rendered(changes_between(&waived, before)), Lines{"msg=\"waiver ended\" shard=184"});
}

TEST(Changes, name_a_node_whose_wal_left_the_writers_once) {
  const ShardView before = healthy();
  ShardView after = before;
  after.nodes[1].diverged_bytes = 0;
  EXPECT_EQ(rendered(changes_between(&before, after)), Lines{}) << "it can follow";
  after.nodes[1].fork_point = core::Lsn{0x3A000000};
  after.nodes[1].diverged_bytes = 12345;
  EXPECT_EQ(rendered(changes_between(&before, after)),
            Lines{"msg=\"node has diverged: it needs pg_rewind or a re-seed\" shard=184 node=phx-a "
                  "bytes=12345 fork_point=0/3A000000"});
  ShardView later = after;
  later.nodes[1].diverged_bytes = 99999;
  EXPECT_EQ(rendered(changes_between(&after, later)), Lines{}) << "it goes on, that is no change";
}

TEST(Changes, tell_when_a_witness_falls_silent_and_answers_again) {
  ShardView before = healthy();
  before.epoch_witness = core::WitnessView{7, "iad", core::Instant(100s), std::nullopt};
  before.generation_witness = core::WitnessView{12, "", core::Instant(100s), std::nullopt};
  ShardView after = before;
  after.epoch_witness->failure = core::ProbeError{core::ProbeFailure::timeout, "no answer in time"};
  EXPECT_EQ(rendered(changes_between(&before, after)),
            Lines{"msg=\"witness does not answer\" shard=184 witness=epoch reason=timeout "
                  "error=\"no answer in time\""});
  EXPECT_EQ(rendered(changes_between(&after, after)), Lines{});
  EXPECT_EQ(rendered(changes_between(&after, before)),
            Lines{"msg=\"witness answers again\" shard=184 witness=epoch"});
  after = before;
  after.generation_witness->failure = core::ProbeError{core::ProbeFailure::bad_answer, "not JSON"};
  EXPECT_EQ(rendered(changes_between(&before, after)),
            Lines{"msg=\"witness does not answer\" shard=184 witness=generation reason=bad_answer "
                  "error=\"not JSON\""});
  EXPECT_EQ(rendered(changes_between(nullptr, after)).size(), 5U) << "also in the first view";
}

TEST(Changes, tell_of_an_endpoint_that_fails_and_answers_again) {
  core::ShardView answers = healthy();
  answers.endpoint = core::EndpointView{};
  core::ShardView fails = answers;
  fails.endpoint->failure = core::ProbeError{core::ProbeFailure::missing_privilege, "grant it"};
  EXPECT_EQ(rendered(changes_between(&answers, fails)),
            Lines{"msg=\"endpoint does not answer\" shard=184 reason=missing_privilege "
                  "error=\"grant it\""});
  EXPECT_EQ(rendered(changes_between(&fails, fails)), Lines{});
  EXPECT_EQ(rendered(changes_between(&fails, answers)),
            Lines{"msg=\"endpoint answers again\" shard=184"});
}

TEST(Changes, tell_once_of_a_node_that_keeps_its_history) {
  core::ShardView silent = healthy();
  silent.nodes[0].history_problem = "grant it";
  const core::ShardView before = healthy();
  EXPECT_EQ(rendered(changes_between(&before, silent)),
            Lines{"msg=\"node does not say how its timeline came about\" shard=184 node=" +
                  silent.nodes[0].name + " error=\"grant it\""});
  EXPECT_EQ(rendered(changes_between(&silent, silent)), Lines{});
}

TEST(Changes, tell_where_the_endpoint_leads_once_it_is_known) {
  ShardView unknown = healthy();
  unknown.endpoint = core::EndpointView{};
  ShardView right = unknown;
  right.endpoint->on_writer = true;
  ShardView wrong = unknown;
  wrong.endpoint->on_writer = false;
  wrong.endpoint->note = "it leads to a standby";
  const Lines misrouted{
      "msg=\"endpoint does not lead to the writer\" shard=184 detail=\"it leads to a standby\""};
  EXPECT_EQ(rendered(changes_between(&unknown, right)), Lines{});
  EXPECT_EQ(rendered(changes_between(&unknown, wrong)), misrouted);
  EXPECT_EQ(rendered(changes_between(&right, wrong)), misrouted);
  EXPECT_EQ(rendered(changes_between(&wrong, wrong)), Lines{});
  EXPECT_EQ(rendered(changes_between(&wrong, unknown)), Lines{});
  EXPECT_EQ(rendered(changes_between(&wrong, right)),
            Lines{"msg=\"endpoint leads to the writer again\" shard=184"});
}

TEST(Changes, tell_of_a_silent_downgrade) {
  const ShardView before = healthy();
  ShardView after = before;
  after.synchronous = {true, true, "synchronous_standby_names is empty"};
  EXPECT_EQ(rendered(changes_between(&before, after)),
            Lines{"msg=\"synchronous durability is promised and not kept by the writer\" shard=184 "
                  "problem=\"synchronous_standby_names is empty\""});
  EXPECT_EQ(rendered(changes_between(&after, before)),
            Lines{"msg=\"synchronous durability is kept again\" shard=184"});
}

TEST(Changes, tell_when_the_archive_begins_to_fail_and_when_it_answers_again) {
  auto spec = std::make_shared<core::ShardSpec>(*healthy().spec);
  spec->archive.source = core::ArchiveSource::command;
  ShardView answers = healthy();
  answers.spec = spec;
  ShardView fails = answers;
  fails.archive.failure = {core::ProbeFailure::query_failed, "lister failed with exit code 1"};
  const Lines failing{
      "msg=\"archive does not answer\" shard=184 reason=query_failed "
      "error=\"lister failed with exit code 1\""};
  EXPECT_EQ(rendered(changes_between(&answers, fails)), failing);
  ShardView otherwise = fails;
  otherwise.archive.failure->message = "lister failed with exit code 2";
  EXPECT_EQ(rendered(changes_between(&fails, otherwise)), Lines{}) << "one per failure, not look";
  EXPECT_EQ(rendered(changes_between(&fails, answers)),
            Lines{"msg=\"archive answers again\" shard=184"});
  ShardView given_up = healthy();  // it is no longer looked at: nothing is known
  EXPECT_EQ(rendered(changes_between(&fails, given_up)), Lines{});
}

TEST(Changes, repeat_an_archive_note_when_it_says_something_else) {
  const ShardView before = healthy();
  ShardView after = before;
  after.archive.note = "2 segments missing from 0/5000000 on";
  EXPECT_EQ(rendered(changes_between(&before, after)),
            Lines{"msg=archive shard=184 detail=\"2 segments missing from 0/5000000 on\""});
  ShardView later = after;
  later.archive.note = "13 segments missing from 0/5A00000 on";
  EXPECT_EQ(rendered(changes_between(&after, later)), Lines{}) << "only its numbers moved";
  EXPECT_EQ(rendered(changes_between(&after, before)),
            Lines{"msg=\"archive in order again\" shard=184"});
}

}  // namespace
}  // namespace rpoguard::run
