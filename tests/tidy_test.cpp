// Style as a test: first that each rule can fail, then that the repository
// obeys it.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/tidy/rules.hpp"
#include "tests/tidy/source.hpp"

namespace rpoguard::tidy {
namespace {

std::string listed(const Complaints& complaints) {
  std::string text;
  for (const std::string& complaint : complaints) text += complaint + "\n";
  return text;
}

const std::vector<Source>& repository() {
  static const std::vector<Source> sources = read_repository(RPOGUARD_SOURCE_DIR);
  return sources;
}

template <typename Rule>
Complaints everywhere(Rule rule) {
  Complaints all;
  for (const Source& source : repository()) {
    const Complaints some = rule(source);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

void expect_none(const Complaints& complaints) {
  EXPECT_TRUE(complaints.empty()) << listed(complaints);
}

struct Snippet {
  std::string path;
  std::string text;
};

const std::vector<Snippet> kBadIncludes = {
    Snippet{"exporter/core/a.cpp", "#include \"exporter/config/load.hpp\"\n"},
    Snippet{"exporter/serve/a.cpp", "#include \"exporter/observe/postgres/prober.hpp\"\n"},
    Snippet{"exporter/observe/a.hpp", "#include \"exporter/run/monitor.hpp\"\n"},
    Snippet{"exporter/run/a.hpp", "#include \"exporter/cli/app.hpp\"\n"},
    Snippet{"exporter/cli/a.cpp", "#include \"exporter/serve/ops/journal.hpp\"\n"},
    Snippet{"exporter/main.cpp", "#include \"exporter/core/model/view.hpp\"\n"},
    Snippet{"exporter/new/a.cpp", "#include \"exporter/core/model/view.hpp\"\n"},
    Snippet{"exporter/base/a.cpp", "#include \"exporter/core/model/view.hpp\"\n"},
    Snippet{"exporter/base/a.hpp", "#include <thread>\n"},
    Snippet{"exporter/core/a.cpp", "#include \"tests/support/http.hpp\"\n"},
    Snippet{"exporter/core/a.hpp", "#include <mutex>\n"},
    Snippet{"exporter/cli/a.hpp", "#include <condition_variable>\n"},
    Snippet{"exporter/core/a.cpp", "#include \"exporter/base/mutex.hpp\"\n"},
    Snippet{"exporter/core/a.hpp", "#include \"exporter/base/detached_threads.hpp\"\n"},
    Snippet{"exporter/base/text.cpp", "#include \"exporter/base/mutex.hpp\"\n"},
    Snippet{"exporter/core/a.cpp", "  #  include <iostream>\n"},
    Snippet{"exporter/core/model/a.hpp", "#include \"exporter/core/judge/gate.hpp\"\n"},
    Snippet{"exporter/core/judge/a.cpp", "#include \"exporter/core/tell/event.hpp\"\n"},
    Snippet{"exporter/core/new/a.cpp", "#include \"exporter/core/model/view.hpp\"\n"},
    Snippet{"exporter/serve/gate/a.cpp", "#include \"exporter/serve/ops/journal.hpp\"\n"},
    Snippet{"exporter/serve/a.hpp", "#include \"exporter/serve/http/text.hpp\"\n"},
    Snippet{"exporter/observe/postgres/prober.cpp", "#include <libpq-fe.h>\n"},
    Snippet{"exporter/serve/gate.cpp", "#include <httplib.h>\n"},
    Snippet{"exporter/serve/http/stream_server.cpp", "#include <boost/asio.hpp>\n"},
    Snippet{"exporter/serve/ops/readyz.cpp", "#include \"exporter/serve/ops/control.hpp\"\n"},
    Snippet{"exporter/cli/a.cpp", "#include <yaml-cpp/yaml.h>\n"},
    Snippet{"exporter/serve/http/text.cpp", "#include <prometheus/registry.h>\n"},
    Snippet{"exporter/config/a.cpp", "#include <nlohmann/json.hpp>\n"},
    Snippet{"exporter/serve/a.cpp", "#include <spdlog/spdlog.h>\n"},
    Snippet{"exporter/serve/a.cpp", "#include <regex>\n"}};

TEST(Tidy, bad_includes_are_refused) {
  for (const auto& [path, text] : kBadIncludes)
    EXPECT_EQ(check_includes(parse_source(path, text)).size(), 1U) << path << ": " << text;
}

TEST(Tidy, good_includes_are_accepted) {
  const Source run = parse_source("exporter/run/monitor.cpp",
                                  "#include <thread>\n#include <spdlog/spdlog.h>\n"
                                  "#include \"exporter/observe/postgres/prober.hpp\"\n");
  expect_none(check_includes(run));
  const Source test =
      parse_source("tests/wire/a_test.cpp",
                   "#include <libpq-fe.h>\n#include \"exporter/serve/http/text.hpp\"\n");
  expect_none(check_includes(test));
}

const std::vector<Snippet> kBadText = {
    Snippet{"exporter/serve/a.cpp", "double d = std::stod(text);\n"},
    Snippet{"exporter/serve/a.cpp", "std::from_chars(a, b, n);\n"},
    Snippet{"exporter/serve/a.cpp", "return c >= '0' && c <= '9';\n"},
    Snippet{"demo/tools/a.cpp", "if ('A' <= c) c = c - 'A' + 'a';\n"},
    Snippet{"exporter/serve/a.cpp", "long d = strtol(text, nullptr, 10);\n"},
    Snippet{"exporter/cli/a.hpp", "std::mutex mutex_;\n"},
    Snippet{"exporter/cli/a.cpp", "const std::lock_guard lock(mutex_);\n"},
    Snippet{"exporter/cli/a.cpp", "setlocale(LC_ALL, \"\");\n"},
    Snippet{"exporter/cli/a.cpp", "std::snprintf(b, 9, \"x %.3f\", d);\n"},
    Snippet{"tests/pg/a_test.cpp", "std::this_thread::sleep_for(1s);\n"},
    Snippet{"demo/tools/a.cpp", "  sleep(1);\n"},
    Snippet{"exporter/core/a.cpp", "auto t = std::chrono::steady_clock::now();\n"},
    Snippet{"exporter/observe/a.cpp", "PQcancel(c, e, 1);\n"},
    Snippet{"exporter/core/a.cpp", "  assert(x > 0);\n"},
    Snippet{"exporter/cli/a.cpp", "system(\"rm\");\n"},
    Snippet{"exporter/core/a.hpp", "using namespace std;\n"},
    Snippet{"exporter/core/a.cpp", "auto* p = new Thing;\n"},
    Snippet{"exporter/core/a.cpp", "f();  // NOLINT\n"},
    Snippet{"exporter/core/a.cpp", "// blocks the loop (L4)\n"},
    Snippet{"tests/sim/a.hpp", "/// H8 L13: late\n"},
    Snippet{"exporter/core/a.hpp", "// as it should (design: time)\n"},
    Snippet{"exporter/core/a.hpp", "// see \u00a74\n"},
    Snippet{"exporter/core/a.hpp", "// The design's section 4\n"},
    Snippet{"exporter/CMakeLists.txt", "# edges that the design allows\n"},
    Snippet{"exporter/serve/lease/a.h", "/* L4: late */\n"},
    Snippet{"tests/run", "# as H8 says\n"},
    Snippet{"README.md", "TODO: write\n"},
    Snippet{"exporter/core/a.cpp", "// FIXME later\n"},
    Snippet{"demo/up", "cd /root/x\n"},
    Snippet{"docs/a.md", "see /home/me/x\n"},
    Snippet{"tests/unit/core/a_test.cpp", "TEST(A, DISABLED_b) {}\n"},
    Snippet{"tests/unit/core/a_test.cpp", "  GTEST_SKIP();\n"}};

TEST(Tidy, bad_text_is_refused) {
  for (const auto& [path, text] : kBadText)
    EXPECT_EQ(check_banned(parse_source(path, text)).size(), 1U) << path << ": " << text;
}

TEST(Tidy, words_in_comments_and_strings_are_not_calls) {
  const Source source = parse_source("exporter/core/a.cpp",
                                     "// never std::stod(x), never setlocale\n"
                                     "const char* a = \"assert(x) sleep(1)\";\n"
                                     "const char* b = R\"(using namespace x; ::now())\";\n"
                                     "/* system(1)\n PQcancel(c) */ int million = 1'000'000;\n"
                                     "int n = 0;  // NOLINT(google-runtime-int)\n"
                                     "base::parse_number<int>(a); resume(n); x.now();\n");
  expect_none(check_banned(source));
}

std::string function_of(std::size_t lines) {
  std::string text = "Thing::Thing(int a)\n    : a_{a}, b_(a) {\n";
  for (std::size_t i = 0; i < lines; ++i) text += "  if (x) { f({1, 2}, [] { return 1; }); }\n";
  return text + "}\n";
}

TEST(Tidy, a_function_of_71_lines_is_refused_and_one_of_70_is_not) {
  expect_none(check_shape(parse_source("exporter/core/a.cpp", function_of(70))));
  EXPECT_EQ(check_shape(parse_source("exporter/core/a.cpp", function_of(71))).size(), 1U);
}

TEST(Tidy, function_bodies_are_found_where_they_are) {
  const Source source = parse_source("exporter/core/a.cpp",
                                     "namespace a {\n"
                                     "struct B final : C {\n"
                                     "  int d() const noexcept {\n"
                                     "    return 1;\n"
                                     "  }\n"
                                     "  std::vector<int> e = {\n    1,\n  };\n"
                                     "};\n"
                                     "auto f(int x) -> std::vector<int> {\n"
                                     "  const char c = '{';\n"
                                     "  return {x};\n"
                                     "}\n"
                                     "TEST(A, b) {\n"
                                     "}\n"
                                     "}\n");
  ASSERT_EQ(source.bodies.size(), 3U);
  EXPECT_EQ(source.bodies[0].line, 3U);
  EXPECT_EQ(source.bodies[0].length, 1U);
  EXPECT_EQ(source.bodies[1].line, 10U);
  EXPECT_EQ(source.bodies[1].length, 2U);
  EXPECT_EQ(source.bodies[2].length, 0U);
}

TEST(Tidy, long_lines_long_files_tabs_and_headers_without_guard_are_refused) {
  const auto complaints = [](const std::string& path, const std::string& text) {
    return check_shape(parse_source(path, text)).size();
  };
  EXPECT_EQ(complaints("exporter/core/a.cpp", std::string(100, 'x') + "\n"), 0U);
  EXPECT_EQ(complaints("exporter/core/a.cpp", std::string(101, 'x') + "\n"), 1U);
  EXPECT_EQ(complaints("exporter/core/a.cpp", "// " + std::string(94, 'x') + "\u2264\u2264\n"), 0U);
  EXPECT_EQ(complaints("exporter/core/a.cpp", std::string(600, '\n')), 0U);
  EXPECT_EQ(complaints("exporter/core/a.cpp", std::string(601, '\n')), 1U);
  EXPECT_EQ(complaints("exporter/core/a.cpp", "\tint x;\n"), 1U);
  EXPECT_EQ(complaints("exporter/core/a.cpp", "int x; \n"), 1U);
  EXPECT_EQ(complaints("exporter/core/a.hpp", "int x;\n"), 1U);
  EXPECT_EQ(complaints("exporter/core/a.hpp", "#pragma once\n"), 0U);
}

TEST(Tidy, a_mutex_that_guards_nothing_is_noticed) {
  const auto complaints = [](const std::string& text) {
    return check_mutexes(parse_source("exporter/serve/a.hpp", text)).size();
  };
  EXPECT_EQ(complaints("base::Mutex mutex_;\nint a_ GUARDED_BY(mutex_) = 0;\n"), 0U);
  EXPECT_EQ(complaints("mutable base::Mutex mutex_;\nint a_ = 0;  // GUARDED_BY(mutex_)\n"), 1U);
  EXPECT_EQ(complaints("base::Mutex one_;\nbase::Mutex two_;\nint a_ GUARDED_BY(two_);\n"), 1U);
}

TEST(Tidy, an_untested_file_is_noticed) {
  const Source file = parse_source("exporter/core/lonely.cpp", "");
  const auto mentions = [](const Complaints& complaints) {
    return std::count_if(complaints.begin(), complaints.end(), [](const std::string& complaint) {
      return complaint.starts_with("exporter/core/lonely.cpp");
    });
  };
  EXPECT_EQ(mentions(check_tested({file})), 1);
  EXPECT_EQ(mentions(check_tested({file, parse_source("tests/unit/core/lonely_test.cpp", "")})), 0);
  EXPECT_EQ(mentions(check_tested({file, parse_source("tests/pg/b_test.cpp",
                                                      "#include \"exporter/core/lonely.hpp\"\n")})),
            0);
}

TEST(Tidy, an_include_loop_is_noticed) {
  const auto include = [](const std::string& name) { return "#include \"" + name + "\"\n"; };
  const Source a = parse_source("exporter/config/a.hpp", include("exporter/config/b.hpp"));
  const Source b = parse_source("exporter/config/b.hpp", include("exporter/config/c.hpp"));
  const Source back = parse_source(
      "exporter/config/c.cpp", include("exporter/config/c.hpp") + include("exporter/config/a.hpp"));
  expect_none(check_loops({a, b}));
  EXPECT_EQ(check_loops({a, b, back}).size(), 3U);
}

TEST(Tidy, a_key_that_is_written_twice_is_noticed) {
  const Source table = parse_source("exporter/config/table_a.cpp",
                                    "{.path = \"state_dir\", .help = \"gate.mode of a shard\"},\n"
                                    "{.path = \"defaults.gate.mode\"},\n");
  const auto complaints = [&table](const std::string& path, const std::string& text) {
    return check_keys_written_once({table, parse_source(path, text)}).size();
  };
  EXPECT_EQ(complaints("exporter/config/a.cpp", "f(\"state_dir is not gate.mode\", \"x\");\n"), 0U);
  EXPECT_EQ(complaints("exporter/config/a.cpp", "// \"state_dir\"\n"), 0U);
  EXPECT_EQ(complaints("exporter/config/a.cpp", "f(\"state_dir\", \"gate.mode\");\n"), 2U);
  EXPECT_EQ(complaints("exporter/cli/a.cpp", "f(\"state_dir\", \"defaults.gate.mode\");\n"), 1U);
  EXPECT_EQ(complaints("exporter/config/table_b.cpp", "{.path = \"state_dir\"},\n"), 1U);
}

TEST(Tidy, an_unknown_metric_in_a_rule_is_noticed) {
  const std::set<std::string> known = defined_metrics({parse_source(
      "exporter/serve/metrics/metrics_shard.cpp", "x(\"rpoguard_gate_open\", \"help\");\n")});
  EXPECT_EQ(known, std::set<std::string>{"rpoguard_gate_open"});
  const auto complaints = [&](const std::string& text) {
    return check_metric_names(parse_source("rules/a.yml", text), known).size();
  };
  EXPECT_EQ(complaints("expr: rate(rpoguard_gate_open_count[5m]) > 0\n"), 0U);
  EXPECT_EQ(complaints("expr: rpoguard_gate_opened == 0\n"), 1U);
}

TEST(Tidy, a_metric_that_is_defined_twice_is_noticed) {
  const auto complaints = [](const std::string& path, const std::string& text) {
    const std::string row = "  {.name = \"rpoguard_gate_open\",  // \"rpoguard_gate_open\" opens\n";
    return check_metric_rows({parse_source("exporter/serve/metrics/metrics_shard.cpp", row),
                              parse_source(path, text)})
        .size();
  };
  EXPECT_EQ(
      complaints("exporter/serve/metrics/metrics_node.cpp", "{.name = \"rpoguard_gate_opened\"\n"),
      0U);
  EXPECT_EQ(
      complaints("exporter/serve/metrics/metrics_node.cpp", "{.name = \"rpoguard_gate_open\"\n"),
      1U);
  EXPECT_EQ(complaints("exporter/cli/a.cpp", "find(\"rpoguard_gate_open\");\n"), 1U);
  EXPECT_EQ(complaints("exporter/cli/a.cpp", "/* \"rpoguard_gate_open\" */ f(\"rpoguard_\");\n"),
            0U);
  EXPECT_EQ(complaints("tests/wire/a_test.cpp", "find(\"rpoguard_gate_open\");\n"), 0U);
  EXPECT_EQ(check_metric_rows({}).size(), 1U);
}

TEST(Repository, is_found) {
  EXPECT_GT(repository().size(), 50U);
}
TEST(Repository, arrows_and_third_party_headers) {
  expect_none(everywhere(check_includes));
}
TEST(Repository, shape) {
  expect_none(everywhere(check_shape));
}
TEST(Repository, banned_calls_and_words) {
  expect_none(everywhere(check_banned));
}
TEST(Repository, mutexes_guard_something) {
  expect_none(everywhere(check_mutexes));
}
TEST(Repository, every_file_is_tested_or_excused) {
  expect_none(check_tested(repository()));
}
TEST(Repository, has_no_include_loop_between_units) {
  expect_none(check_loops(repository()));
}
TEST(Repository, configuration_keys_are_written_once) {
  expect_none(check_keys_written_once(repository()));
}
TEST(Repository, top_level) {
  expect_none(check_top_level(RPOGUARD_SOURCE_DIR));
}
TEST(Repository, each_metric_is_defined_in_one_row) {
  expect_none(check_metric_rows(repository()));
}
TEST(Repository, metric_names_in_use_exist) {
  const std::set<std::string> known = defined_metrics(repository());
  expect_none(everywhere([&](const Source& s) { return check_metric_names(s, known); }));
}

}  // namespace
}  // namespace rpoguard::tidy
