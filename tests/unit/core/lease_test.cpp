#include "exporter/core/judge/lease.hpp"

#include <gtest/gtest.h>

#include "tests/unit/core/shard_fixture.hpp"

namespace rpoguard::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the fixture's words

class Lease : public ::testing::Test {
 protected:
  /// The judgement `second` seconds after the start, with T `exposure` old.
  GateView judge(int second, std::optional<Duration> exposure) {
    const Instant now = kStart + seconds(second);
    input.exposure = exposure;
    input.kept_until = exposure ? std::optional(now - *exposure + spec.rpo) : std::nullopt;
    return renew(now);
  }
  GateView renew(Instant now) {
    RenewedLease lease = renew_lease(memory, spec, input, now);
    memory = lease.memory;
    return lease.gate;
  }
  static std::vector<Reason> only(Reason reason) { return {reason}; }

  ShardSpec spec = make_spec();
  LeaseMemory memory;
  LeaseInput input;
};

TEST_F(Lease, is_open_until_the_promise_runs_out) {
  const GateView gate = judge(0, milliseconds(900));
  EXPECT_TRUE(gate.reasons.empty());
  EXPECT_EQ(gate.open_until, kStart - milliseconds(900) + seconds(5));
  EXPECT_EQ(gate.when_expired, Reason::rpo_exceeded);
  EXPECT_FALSE(gate.retry_after);
  EXPECT_FALSE(gate.waived);
  EXPECT_TRUE(gate.detail.empty());
}

TEST_F(Lease, is_closed_while_nothing_is_proven) {
  const GateView gate = judge(0, std::nullopt);
  EXPECT_EQ(gate.reasons, only(Reason::unproven));
  EXPECT_EQ(gate.open_until, Instant{});
  EXPECT_FALSE(gate.detail.empty());
  EXPECT_EQ(gate.retry_after, seconds(1));
}

TEST_F(Lease, closes_at_the_rpo_and_not_a_nanosecond_later) {
  EXPECT_TRUE(judge(0, seconds(5) - Duration(1)).reasons.empty());
  EXPECT_EQ(judge(1, seconds(5)).reasons, only(Reason::rpo_exceeded));
}

TEST_F(Lease, a_verdict_closes_it_whatever_is_proven_and_the_worst_reason_comes_first) {
  input.verdict_reason = Reason::split_brain;
  input.verdict_detail = "iad-a and phx-a accept writes at the same time";
  GateView gate = judge(0, milliseconds(900));
  EXPECT_EQ(gate.reasons, only(Reason::split_brain));
  EXPECT_EQ(gate.detail, input.verdict_detail);
  EXPECT_EQ(gate.open_until, Instant{});
  gate = judge(1, seconds(9));
  EXPECT_EQ(gate.reasons, (std::vector<Reason>{Reason::split_brain, Reason::rpo_exceeded}));
}

TEST_F(Lease, reopens_only_after_the_exposure_has_stayed_low) {
  judge(0, seconds(1));
  EXPECT_EQ(judge(10, seconds(6)).reasons, only(Reason::rpo_exceeded));
  EXPECT_EQ(judge(11, seconds(1)).reasons, only(Reason::reopening));
  EXPECT_EQ(judge(13, seconds(1)).reasons, only(Reason::reopening));
  EXPECT_EQ(judge(15, milliseconds(2500)).reasons, only(Reason::reopening)) << "not below half";
  EXPECT_EQ(judge(16, seconds(1)).reasons, only(Reason::reopening));
  EXPECT_EQ(judge(20, seconds(1)).reasons, only(Reason::reopening));
  EXPECT_TRUE(judge(21, seconds(1)).reasons.empty());
}

TEST_F(Lease, says_how_long_reopening_takes) {
  judge(0, seconds(6));
  EXPECT_EQ(judge(1, seconds(1)).retry_after, seconds(5));
  EXPECT_EQ(judge(3, seconds(1)).retry_after, seconds(3));
  EXPECT_EQ(judge(5, seconds(1)).retry_after, seconds(1));
}

TEST_F(Lease, says_how_long_catching_up_takes_and_never_more_than_a_minute) {
  struct Row {
    const char* name;
    Duration exposure;
    std::optional<double> growth;
    Duration hint;
  };
  for (const Row& row : {Row{"not known", seconds(10), std::nullopt, seconds(5)},
                         Row{"nothing arrives", seconds(10), 1.0, seconds(5)},
                         Row{"it holds", seconds(10), 0.0, seconds(5)},
                         Row{"it falls", seconds(10), -0.5, seconds(15 + 5)},
                         Row{"it falls fast", seconds(10), -10.0, milliseconds(750 + 5000)},
                         Row{"it crawls", seconds(10), -1e-9, seconds(60)}}) {
    input.exposure_growth = row.growth;
    EXPECT_EQ(judge(0, row.exposure).retry_after, row.hint) << row.name;
  }
  input.exposure_growth = -0.5;
  input.verdict_reason = Reason::no_writer;
  EXPECT_EQ(judge(0, seconds(10)).retry_after, seconds(1)) << "that is another matter";
}

TEST_F(Lease, an_rpo_of_zero_has_no_exposure_to_wait_for) {
  spec = make_spec(Duration{0});
  input.kept_until = kStart;
  EXPECT_EQ(renew(kStart).retry_after, seconds(5));
}

TEST_F(Lease, that_ran_out_unseen_has_to_settle_too) {
  judge(0, seconds(1));
  EXPECT_EQ(judge(60, seconds(1)).reasons, only(Reason::reopening));
}

// Nobody looked for longer than a yes may last: the callers have found the gate closed.
TEST_F(Lease, that_nobody_renewed_in_time_was_closed_meanwhile) {
  const auto count = [](const GateView& gate, bool opened, Reason reason) {
    const auto found = gate.transitions.find({opened, reason});
    return found == gate.transitions.end() ? 0U : found->second;
  };
  spec = make_spec(seconds(60));
  judge(0, seconds(1));
  GateView gate = judge(9, seconds(1));
  EXPECT_EQ(count(gate, false, Reason::unproven), 0U);
  gate = judge(19, seconds(1));
  EXPECT_TRUE(gate.reasons.empty()) << "what is proven still holds";
  EXPECT_EQ(count(gate, false, Reason::unproven), 1U);
  EXPECT_EQ(count(gate, true, Reason::unproven), 1U);
  EXPECT_EQ(count(gate, false, Reason::rpo_exceeded), 0U);
}

TEST_F(Lease, that_was_closed_for_another_reason_reopens_at_once) {
  input.verdict_reason = Reason::no_writer;
  judge(0, seconds(1));
  input.verdict_reason.reset();
  EXPECT_TRUE(judge(1, seconds(1)).reasons.empty());
}

TEST_F(Lease, old_wounds_do_not_count_for_a_new_writer) {
  judge(0, seconds(6));
  input.writer_changed = true;
  EXPECT_TRUE(judge(1, seconds(1)).reasons.empty());
}

TEST_F(Lease, sheds_low_priority_first) {
  input.shed_low_priority_from = kStart + seconds(3);
  EXPECT_EQ(judge(0, seconds(1)).shed_low_priority_from, kStart + seconds(3));
  EXPECT_EQ(judge(1, seconds(9)).shed_low_priority_from, std::nullopt) << "closed for all";
}

TEST_F(Lease, an_archive_limit_ends_it_earlier_and_says_so) {
  spec.archive.max_age = minutes(1);
  input.archive_until = kStart + seconds(2);
  const GateView gate = judge(0, seconds(1));
  EXPECT_EQ(gate.open_until, kStart + seconds(2));
  EXPECT_EQ(gate.when_expired, Reason::archive_too_old);
  EXPECT_EQ(judge(2, seconds(1)).reasons, only(Reason::archive_too_old));
}

TEST_F(Lease, an_unknown_archive_age_is_too_old_where_the_policy_limits_it) {
  EXPECT_TRUE(judge(0, seconds(1)).reasons.empty());
  spec.archive.max_age = minutes(1);
  EXPECT_EQ(judge(1, seconds(1)).reasons, only(Reason::archive_too_old));
}

TEST_F(Lease, a_closing_for_the_archive_needs_no_settling) {
  spec.archive.max_age = minutes(1);
  input.archive_until = kStart + seconds(2);
  judge(0, seconds(1));
  judge(2, seconds(1));
  input.archive_until = kStart + seconds(90);
  EXPECT_TRUE(judge(3, seconds(1)).reasons.empty());
}

TEST_F(Lease, a_waiver_takes_the_place_of_the_proof) {
  input.waived_until = kStart + seconds(5);
  GateView gate = judge(0, std::nullopt);
  EXPECT_TRUE(gate.reasons.empty());
  EXPECT_TRUE(gate.waived);
  EXPECT_EQ(gate.open_until, kStart + seconds(5));
  EXPECT_EQ(gate.when_expired, Reason::unproven);
  gate = judge(1, seconds(60));
  EXPECT_TRUE(gate.reasons.empty()) << "an old proof closes nothing under a waiver";
  EXPECT_FALSE(gate.shed_low_priority_from);
  EXPECT_EQ(judge(5, std::nullopt).reasons, only(Reason::unproven)) << "nobody has renewed it";
}

TEST_F(Lease, a_waiver_does_not_excuse_other_reasons) {
  input.waived_until = kStart + seconds(50);
  input.verdict_reason = Reason::stale_epoch;
  EXPECT_EQ(judge(0, std::nullopt).reasons, only(Reason::stale_epoch));
  EXPECT_FALSE(judge(1, std::nullopt).waived);
  input.verdict_reason.reset();
  spec.archive.max_age = minutes(1);
  EXPECT_EQ(judge(2, std::nullopt).reasons, only(Reason::archive_too_old));
}

TEST_F(Lease, counts_each_closing_and_opening_once_by_the_reason_it_closed_for) {
  judge(0, std::nullopt);
  judge(1, std::nullopt);
  judge(2, seconds(1));
  judge(3, seconds(1));
  judge(4, seconds(6));
  EXPECT_EQ(judge(5, seconds(1)).reasons, only(Reason::reopening)) << "closed as before";
  judge(6, seconds(6));
  judge(7, seconds(1));
  const GateView gate = judge(12, seconds(1));
  const std::map<std::pair<bool, Reason>, std::uint64_t> expected{
      {{false, Reason::unproven}, 1},
      {{true, Reason::unproven}, 1},
      {{false, Reason::rpo_exceeded}, 1},
      {{true, Reason::rpo_exceeded}, 1},
  };
  EXPECT_EQ(gate.transitions, expected);
}

TEST_F(Lease, that_ran_out_unseen_was_a_closing_too) {
  input.confirmed_until = kStart + seconds(3);
  judge(0, seconds(1));
  input.confirmed_until = kStart + seconds(20);
  const GateView gate = judge(4, seconds(1));
  EXPECT_TRUE(gate.reasons.empty());
  const std::map<std::pair<bool, Reason>, std::uint64_t> expected{{{false, Reason::stale_epoch}, 1},
                                                                  {{true, Reason::stale_epoch}, 1}};
  EXPECT_EQ(gate.transitions, expected);
}

class Flapping : public Lease {
 protected:
  /// What speaks against the gate at this second; nothing: absent.
  GateView judge_with(int second, std::optional<Reason> verdict) {
    input.verdict_reason = verdict;
    return judge(second, seconds(1));
  }
  /// Closes and reopens at once, for the first time.
  void blip() {
    judge_with(0, std::nullopt);
    judge_with(1, Reason::no_writer);
    EXPECT_TRUE(judge_with(2, std::nullopt).reasons.empty());
  }
};

TEST_F(Flapping, reopens_no_sooner_than_two_reopen_after_since_it_last_did) {
  blip();
  EXPECT_EQ(judge_with(3, Reason::no_writer).reasons, only(Reason::no_writer)) << "at once";
  const GateView waiting = judge_with(4, std::nullopt);
  EXPECT_EQ(waiting.reasons, only(Reason::reopening));
  EXPECT_EQ(waiting.retry_after, seconds(8));
  EXPECT_EQ(waiting.open_until, Instant{});
  EXPECT_EQ(judge_with(11, std::nullopt).reasons, only(Reason::reopening));
  EXPECT_TRUE(judge_with(12, std::nullopt).reasons.empty());
  for (const int second : {15, 18, 21}) judge_with(second, std::nullopt);
  judge_with(22, Reason::no_writer);
  EXPECT_TRUE(judge_with(23, std::nullopt).reasons.empty()) << "it was quiet for long enough";
}

TEST_F(Flapping, waits_under_a_waiver_too) {
  blip();
  judge_with(3, Reason::no_writer);
  input.waived_until = kStart + seconds(90);
  EXPECT_EQ(judge_with(4, std::nullopt).reasons, only(Reason::reopening));
  EXPECT_TRUE(judge_with(12, std::nullopt).reasons.empty());
}

TEST_F(Flapping, does_not_hold_up_a_waiver_of_what_has_closed_it) {
  blip();
  EXPECT_EQ(judge(3, seconds(6)).reasons, only(Reason::rpo_exceeded));
  input.waived_until = kStart + seconds(90);
  EXPECT_TRUE(judge(4, seconds(7)).reasons.empty());
  EXPECT_EQ(judge_with(5, Reason::no_writer).reasons, only(Reason::no_writer));
  EXPECT_EQ(judge_with(6, std::nullopt).reasons, only(Reason::reopening)) << "that may flap";
}

TEST_F(Flapping, waits_for_the_longer_of_both_where_the_exposure_has_to_settle) {
  blip();
  judge(5, seconds(6));
  EXPECT_EQ(judge(6, seconds(1)).retry_after, seconds(6)) << "until 12, not 11";
  judge(9, seconds(6));
  EXPECT_EQ(judge(10, seconds(1)).retry_after, seconds(5)) << "until 15, not 12";
}

TEST_F(Flapping, is_nothing_that_an_operator_or_a_failover_does) {
  blip();
  judge_with(3, Reason::frozen);
  EXPECT_TRUE(judge_with(4, std::nullopt).reasons.empty());
  judge_with(5, Reason::no_writer);
  input.writer_changed = true;
  EXPECT_TRUE(judge_with(6, std::nullopt).reasons.empty());
}

TEST_F(Lease, the_first_opening_after_a_start_is_no_transition) {
  EXPECT_TRUE(judge(0, seconds(1)).transitions.empty());
}

TEST_F(Lease, an_rpo_of_zero_settles_by_its_own_proof) {
  spec = make_spec(Duration{0});
  memory.must_settle = true;
  input.kept_until = kStart + seconds(2);
  EXPECT_EQ(renew(kStart).reasons, only(Reason::reopening));
  input.kept_until = kStart + seconds(7);
  EXPECT_TRUE(renew(kStart + seconds(5)).reasons.empty())
      << "the exposure is not what an RPO of zero is judged by";
}

}  // namespace
}  // namespace rpoguard::core
