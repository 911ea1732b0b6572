#include "exporter/observe/archive/archive_command.hpp"

#include <optional>
#include <string>
#include <variant>

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

using namespace std::chrono_literals;

ArchiveOutcome outcome_of(core::ArchiveFormat format, const std::string& script) {
  core::ArchiveSpec archive;
  archive.command = {"/bin/sh", "-c", script};
  archive.format = format;
  archive.timeout = 60s;
  asio::io_context loop;
  std::optional<ArchiveOutcome> outcome;
  const auto child = run_archive_command(loop, archive, [&](ArchiveOutcome given) {
    EXPECT_FALSE(outcome);
    outcome = std::move(given);
  });
  loop.run();
  EXPECT_TRUE(outcome);
  return std::move(outcome).value_or(core::ProbeError{});
}

std::string message_of(const ArchiveOutcome& outcome) {
  const auto* error = std::get_if<core::ProbeError>(&outcome);
  return error == nullptr ? "facts" : error->message;
}

TEST(ArchiveCommand, a_list_of_names_is_read_as_one) {
  const auto outcome = outcome_of(
      core::ArchiveFormat::names,
      "for n in 7 8 A; do echo /wal/00000001000000000000000$n; done; echo /wal/00000002.history");
  const auto* facts = std::get_if<core::ArchiveFacts>(&outcome);
  ASSERT_NE(facts, nullptr) << message_of(outcome);
  EXPECT_EQ(facts->runs.size(), 2U);
}

TEST(ArchiveCommand, what_is_no_report_of_pgbackrest_is_a_bad_answer_of_that_program) {
  const auto outcome = outcome_of(core::ArchiveFormat::pgbackrest, "echo listed");
  const auto* error = std::get_if<core::ProbeError>(&outcome);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->reason, core::ProbeFailure::bad_answer);
  EXPECT_TRUE(error->message.starts_with("/bin/sh: ")) << error->message;
}

TEST(ArchiveCommand, what_a_program_that_fails_has_printed_counts_for_nothing) {
  const auto outcome =
      outcome_of(core::ArchiveFormat::names, "echo /wal/000000010000000000000007; exit 3");
  EXPECT_EQ(message_of(outcome), "/bin/sh failed with exit code 3");
}

}  // namespace
}  // namespace rpoguard::observe
