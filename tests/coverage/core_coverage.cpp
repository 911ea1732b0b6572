// Every line of exporter/base and exporter/core is run by its unit tests, or says on the line why
// it cannot be. So every .cpp file there is in what gcov measured:
//
//     gcov --json-format --stdout *.gcda | core_coverage SOURCE_ROOT
//
// The excuse is a comment on the line, "// uncovered: <why>". Prints the lines that nobody ran and
// the excuses that are not needed any more; exit code 1 if there are any.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

constexpr std::array<std::string_view, 2> kFolders{"exporter/base/", "exporter/core/"};
constexpr const char* kExcuse = "// uncovered: ";

using Counts = std::map<int, std::uint64_t>;  // line -> how often it ran

std::map<std::string, Counts> read_counts(std::istream& in, const std::filesystem::path& root) {
  std::map<std::string, Counts> counts;
  std::string document;
  while (std::getline(in, document)) {
    if (document.empty()) continue;
    const auto report = nlohmann::json::parse(document);
    const std::filesystem::path base = report.at("current_working_directory").get<std::string>();
    for (const auto& file : report.at("files")) {
      const auto path = (base / file.at("file").get<std::string>()).lexically_normal();
      const std::string name = path.lexically_relative(root).generic_string();
      const bool looked_at = std::any_of(kFolders.begin(), kFolders.end(),
                                         [&](auto folder) { return name.starts_with(folder); });
      if (!looked_at) continue;
      for (const auto& line : file.at("lines"))
        counts[name][line.at("line_number").get<int>()] += line.at("count").get<std::uint64_t>();
    }
  }
  return counts;
}

// A line of closing brackets has no statement of its own; gcov counts clean-up there.
bool only_closes(const std::string& text) {
  return text.find_first_not_of(" });") == std::string::npos;
}

struct Sums {
  int lines = 0;
  int run = 0;
  int excused = 0;
  int wrong = 0;
};

void judge_file(const std::string& name, const std::filesystem::path& root, const Counts& counts,
                Sums& sums) {
  std::ifstream file(root / name);
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    const auto found = counts.find(number);
    if (found == counts.end() || only_closes(text)) continue;
    ++sums.lines;
    const bool excused = text.find(kExcuse) != std::string::npos;
    const bool run = found->second > 0;
    sums.run += run ? 1 : 0;
    sums.excused += excused ? 1 : 0;
    if (run != excused) continue;
    ++sums.wrong;
    std::printf("%s:%d: %s: %s\n", name.c_str(), number,
                run ? "runs, so it needs no excuse" : "no unit test runs this line", text.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: gcov --json-format --stdout FILE.gcda... | core_coverage SOURCE_ROOT\n",
               stderr);
    return 2;
  }
  const auto root = std::filesystem::canonical(argv[1]);
  const auto counts = read_counts(std::cin, root);
  Sums sums;
  for (const auto& [name, lines] : counts) judge_file(name, root, lines, sums);
  for (const std::string_view folder : kFolders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const std::string name = entry.path().lexically_relative(root).generic_string();
      if (!name.ends_with(".cpp") || counts.contains(name)) continue;
      ++sums.wrong;
      std::printf("%s: not measured\n", name.c_str());
    }
  }
  std::printf("%d of %d lines run, %d excused\n", sums.run, sums.lines, sums.excused);
  return sums.wrong == 0 && sums.lines > 0 ? 0 : 1;
}
