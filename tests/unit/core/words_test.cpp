// The words of the enums and the small questions to a view.
#include <set>

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

template <typename Enum>
std::set<std::string> words(std::size_t count) {
  std::set<std::string> found;
  for (std::size_t i = 0; i < count; ++i) found.insert(name_of(static_cast<Enum>(i)));
  return found;
}

TEST(Words, every_value_has_a_word_of_its_own) {
  EXPECT_EQ(words<Reason>(kReasonCount).size(), kReasonCount);
  EXPECT_EQ(words<NodeState>(kNodeStateCount).size(), kNodeStateCount);
  EXPECT_EQ(words<ProbeFailure>(kProbeFailureCount).size(), kProbeFailureCount);
}

TEST(Words, are_those_of_the_contract) {
  EXPECT_EQ(words<Reason>(kReasonCount),
            (std::set<std::string>{"split_brain", "stale_epoch", "no_writer", "endpoint_misrouted",
                                   "stale_generation", "frozen", "unproven", "rpo_exceeded",
                                   "archive_too_old", "reopening"}));
  EXPECT_STREQ(name_of(Reason::reopening), "reopening");
  EXPECT_STREQ(name_of(NodeState::unreachable), "unreachable");
  EXPECT_STREQ(name_of(ProbeFailure::bad_answer), "bad_answer");
  EXPECT_STREQ(name_of(Durability::flush), "flush");
  EXPECT_STREQ(name_of(Durability::replay), "replay");
  EXPECT_STREQ(name_of(EpochSource::table), "table");
  EXPECT_STREQ(name_of(EpochSource::timeline), "timeline");
  EXPECT_STREQ(name_of(EpochSource::query), "query");
  EXPECT_STREQ(name_of(EpochSource::http), "http");
  EXPECT_STREQ(name_of(ArchiveSource::postgres), "postgres");
  EXPECT_STREQ(name_of(ArchiveSource::directory), "directory");
  EXPECT_STREQ(name_of(ArchiveSource::command), "command");
  EXPECT_STREQ(name_of(ArchiveFormat::names), "names");
  EXPECT_STREQ(name_of(ArchiveFormat::pgbackrest), "pgbackrest");
  EXPECT_STREQ(name_of(GateMode::enforce), "enforce");
  EXPECT_STREQ(name_of(GateMode::shadow), "shadow");
  EXPECT_STREQ(name_of(GateMode::off), "off");
  EXPECT_STREQ(name_of(AfterFailover::waive), "waive");
  EXPECT_STREQ(name_of(AfterFailover::enforce), "enforce");
}

TEST(Words, every_reason_has_a_meaning_for_a_person) {
  for (std::size_t i = 0; i < kReasonCount; ++i)
    EXPECT_GT(std::string(meaning_of(static_cast<Reason>(i))).size(), 20U) << i;
}

TEST(WordsDeath, a_value_outside_its_enum_is_a_bug) {
  EXPECT_DEATH(name_of(static_cast<GateMode>(9)), "bug in rpoguard");
}

TEST(ViewQuestions, exposure_grows_with_the_clock_and_is_unknown_without_a_proof) {
  ShardView view;
  EXPECT_EQ(exposure_at(view, kStart), std::nullopt);
  EXPECT_EQ(exposure_known_at(view, kStart), std::nullopt);
  EXPECT_EQ(at_risk_span_at(view, kStart), std::nullopt);
  view.recovery_point = kStart;
  EXPECT_EQ(exposure_at(view, kStart + seconds(3)), seconds(3));
  EXPECT_EQ(exposure_known_at(view, kStart + seconds(3)), Duration{0});
  view.oldest_known_missing = kStart + seconds(1);
  EXPECT_EQ(exposure_known_at(view, kStart + seconds(3)), seconds(2));
}

TEST(ViewQuestions, the_span_at_risk_stops_growing_when_the_writer_can_acknowledge_no_more) {
  ShardView view;
  view.recovery_point = kStart;
  EXPECT_EQ(at_risk_span_at(view, kStart + seconds(9)), seconds(9));
  view.last_possible_ack = kStart + seconds(2);
  EXPECT_EQ(at_risk_span_at(view, kStart + seconds(9)), seconds(2));
  view.last_possible_ack = kStart - seconds(2);
  EXPECT_EQ(at_risk_span_at(view, kStart + seconds(9)), Duration{0});
}

TEST(ViewQuestions, an_archive_of_unknown_age_says_why) {
  const std::string unknown = "how old the WAL archive is, is not known: ";
  ArchiveView archive;
  EXPECT_EQ(why_archive_age_unknown(archive), unknown + "nothing is archived");
  archive.enabled = true;
  EXPECT_TRUE(why_archive_age_unknown(archive).starts_with(unknown + "the archiver has reported"));
  archive.frontier = Lsn{0x3000000};
  EXPECT_EQ(why_archive_age_unknown(archive),
            unknown + "what it holds is older than all that rpoguard has seen the writer write");
  archive.note = "3 files with the unknown ending .gpg";
  EXPECT_EQ(why_archive_age_unknown(archive), unknown + archive.note);
  archive.failure = ProbeError{ProbeFailure::timeout, "no answer within 10s"};
  EXPECT_EQ(why_archive_age_unknown(archive), unknown + "no answer within 10s");
  archive.recovery_point = kStart;
  EXPECT_EQ(why_archive_age_unknown(archive), "");
}

TEST(ViewQuestions, writes_are_usable_no_longer_than_the_lease) {
  ShardView view;
  view.spec = std::make_shared<const ShardSpec>(make_spec());
  view.evaluated = kStart;
  view.gate.open_until = kStart + seconds(2);
  EXPECT_FALSE(usable_at(view, kStart));
  view.writes_usable = true;
  EXPECT_TRUE(usable_at(view, kStart));
  EXPECT_FALSE(usable_at(view, kStart + seconds(2)));
  view.gate.open_until = kStart + seconds(60);
  EXPECT_TRUE(usable_at(view, kStart + seconds(10) - Duration(1)));
  EXPECT_FALSE(usable_at(view, kStart + seconds(10))) << "max_lease";
}

TEST(ViewQuestions, a_shard_is_found_by_its_id_once_it_has_been_judged) {
  auto shard = std::make_shared<ShardView>();
  shard->spec = std::make_shared<const ShardSpec>(make_spec());
  View view;
  view.shards = {nullptr, shard};
  EXPECT_EQ(view.find("184"), shard.get());
  EXPECT_EQ(view.find("185"), nullptr);
}

TEST(Region, is_allowed_only_when_named) {
  const ShardSpec spec = make_spec();
  EXPECT_TRUE(region_allowed(spec, "phx"));
  EXPECT_FALSE(region_allowed(spec, "fra"));
  EXPECT_FALSE(region_allowed(spec, ""));
}

}  // namespace
}  // namespace rpoguard::core
