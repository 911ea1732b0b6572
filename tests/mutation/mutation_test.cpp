// The simulation has teeth: each of these deliberate mistakes in exporter/core breaks an invariant.
//
// A mutant is one changed file of core, compiled anew and linked in front of the library. It must
// apply, compile and be caught; the core as it is passes the very same run.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/mutation/mutants_of_copies.hpp"
#include "tests/mutation/mutants_of_writers.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::test {
namespace {

using std::chrono::minutes;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> list;
  for (std::string word; in >> word;) list.push_back(word);
  return list;
}

CommandResult run(std::vector<std::string> argv) {
  return run_command({.argv = std::move(argv)}, minutes(10));
}

/// Links the program that judges mutants: with this object in front of the core library.
CommandResult link(const Mutant& mutant, const std::string& object, const std::string& program) {
  std::vector<std::string> argv{RPOGUARD_COMPILER};
  for (const std::string& flag : words(RPOGUARD_LINK_FLAGS)) argv.push_back(flag);
  if (!object.empty()) argv.push_back(object);
  if (mutant.by_unit_tests()) {
    for (const std::string& part : words(RPOGUARD_UNIT_PARTS)) argv.push_back(part);
  } else {
    argv.insert(argv.end(), {RPOGUARD_RUNNER_OBJECT, RPOGUARD_WORLDS});
  }
  for (const std::string& library : words(RPOGUARD_CORE)) argv.push_back(library);
  argv.insert(argv.end(), {"-o", program});
  return run(argv);
}

// What unit tests judge runs for seconds: compiling is what takes time there.
CommandResult compile(const Mutant& mutant, const std::string& source, const std::string& object) {
  std::vector<std::string> argv{RPOGUARD_COMPILER};
  for (const std::string& flag : words(RPOGUARD_COMPILE_FLAGS)) argv.push_back(flag);
  argv.insert(argv.end(), {mutant.by_unit_tests() ? "-O0" : "-O2", "-c", source, "-o", object});
  return run(argv);
}

CommandResult judge(const std::string& program, const Mutant& mutant) {
  if (mutant.by_unit_tests()) return run({program, "--gtest_brief=1", "--gtest_fail_fast"});
  return run({program, mutant.profile, std::to_string(mutant.hours), std::to_string(mutant.seed)});
}

// The core as it is, in the very world in which the mutant broke.
CommandResult judge_unchanged(const std::string& program, const Mutant& mutant,
                              const std::string& caught) {
  const std::string seed = caught.substr(5, caught.find(':') - 5);  // "seed N: ..."
  return run({program, mutant.profile, "0", seed});
}

class Mutation : public ::testing::TestWithParam<Mutant> {};

TEST_P(Mutation, is_caught) {
  const Mutant& mutant = GetParam();
  const std::string file = std::string(RPOGUARD_SOURCE_DIR) + "/exporter/core/judge/" + mutant.file;
  std::string text = text_of(file);
  ASSERT_EQ(occurrences(text, mutant.original), 1U)
      << "the text to change is not there exactly once: mend the table";
  text.replace(text.find(mutant.original), std::string(mutant.original).size(), mutant.changed);

  const TempDir dir;
  write_file(dir / "mutant.cpp", text);
  const CommandResult compiled = compile(mutant, dir / "mutant.cpp", dir / "mutant.o");
  ASSERT_EQ(compiled.exit_code, 0) << "the mutant does not compile:\n" << compiled.output;
  const CommandResult linked = link(mutant, dir / "mutant.o", dir / "mutant");
  ASSERT_EQ(linked.exit_code, 0) << linked.output;

  const CommandResult caught = judge(dir / "mutant", mutant);
  ASSERT_EQ(caught.exit_code, 1) << "nobody noticed: " << mutant.breaks << "\n" << caught.output;
  if (mutant.by_unit_tests()) {
    EXPECT_NE(caught.output.find("[  FAILED  ]"), std::string::npos) << caught.output;
    return;  // on the core as it is: below, once for all
  }
  std::printf("%s: %s", mutant.breaks, caught.output.c_str());

  const CommandResult linked_unchanged = link(mutant, "", dir / "unchanged");
  ASSERT_EQ(linked_unchanged.exit_code, 0) << linked_unchanged.output;
  const CommandResult unchanged = judge_unchanged(dir / "unchanged", mutant, caught.output);
  EXPECT_EQ(unchanged.exit_code, 0) << "the core as it is breaks in the same run:\n"
                                    << unchanged.output;
}

std::vector<Mutant> all_mutants() {
  std::vector<Mutant> all(kMutantsOfCopies.begin(), kMutantsOfCopies.end());
  all.insert(all.end(), kMutantsOfWriters.begin(), kMutantsOfWriters.end());
  return all;
}

INSTANTIATE_TEST_SUITE_P(Core, Mutation, ::testing::ValuesIn(all_mutants()),
                         [](const auto& each) { return std::string(each.param.name); });

// Else whatever keeps the unit tests from passing when they are linked like this would catch each
// mutant that they judge.
TEST(Mutations, the_core_as_it_is_passes_the_unit_tests_that_judge_mutants) {
  const auto mutants = all_mutants();
  const auto judged_so = std::ranges::find_if(mutants, &Mutant::by_unit_tests);
  ASSERT_NE(judged_so, mutants.end());
  const TempDir dir;
  const CommandResult linked = link(*judged_so, "", dir / "unchanged");
  ASSERT_EQ(linked.exit_code, 0) << linked.output;
  const CommandResult passed = judge(dir / "unchanged", *judged_so);
  EXPECT_EQ(passed.exit_code, 0) << passed.output;
  EXPECT_EQ(passed.output.find("[  PASSED  ] 0 tests"), std::string::npos) << passed.output;
}

TEST(Mutations, are_many_and_each_is_told_apart) {
  const auto mutants = all_mutants();
  std::set<std::string> names;
  for (const Mutant& each : mutants) names.insert(each.name);
  EXPECT_EQ(names.size(), mutants.size());
  EXPECT_GE(std::ranges::count_if(mutants, [](const Mutant& m) { return !m.by_unit_tests(); }), 12);
}

}  // namespace
}  // namespace rpoguard::test
