#include "tests/tidy/rules.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <regex>

namespace rpoguard::tidy {
namespace {

constexpr std::size_t kLineLengthMax = 100;
constexpr std::size_t kFunctionLinesMax = 70;
constexpr std::size_t kTestLinesMax = 120;  // a table of cases is one function
constexpr std::size_t kFileLinesMax = 600;

void complain(Complaints& complaints, const Source& source, std::size_t line,
              const std::string& what) {
  complaints.push_back(source.path + ":" + std::to_string(line) + ": " + what);
}

/// "exporter/serve/http/x.cpp" -> "serve/http"; "exporter/main.cpp" -> "main"; "" outside
/// exporter/.
std::string room_of(const std::string& path) {
  if (!path.starts_with("exporter/")) return "";
  const std::string rest = path.substr(9);
  const std::size_t slash = rest.rfind('/');
  return slash == std::string::npos ? "main" : rest.substr(0, slash);
}

/// "exporter/serve/http/x.cpp" -> "serve".
std::string folder_of(const std::string& path) {
  const std::string room = room_of(path);
  return room.substr(0, room.find('/'));
}

bool matches_any(const std::string& path, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return std::regex_match(path, std::regex(pattern));
  });
}

/// Which folders each folder may include.
const std::map<std::string, std::set<std::string>>& arrows() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"base", {"base"}},
      {"core", {"base", "core"}},
      {"config", {"base", "core", "config"}},
      {"net", {"base", "core", "net"}},
      {"observe", {"base", "core", "net", "observe"}},
      {"serve", {"base", "core", "serve"}},
      {"notify", {"base", "core", "config", "net", "notify"}},
      {"run", {"base", "core", "config", "net", "observe", "serve", "notify", "run"}},
      {"cli", {"base", "core", "config", "net", "observe", "run", "cli"}},
      {"main", {"cli"}},
  };
  return table;
}

/// Which rooms of its own folder each room may include. A folder that is not named has no rooms.
const std::map<std::string, std::set<std::string>>& arrows_between_rooms() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"core", {}},
      {"core/model", {"core/model"}},
      {"core/judge", {"core/model", "core/judge"}},
      {"core/tell", {"core/model", "core/judge", "core/tell"}},
      {"observe", {}},
      {"observe/system", {"observe/system"}},
      {"observe/archive", {"observe/system", "observe/archive"}},
      {"observe/postgres", {"observe/system", "observe/postgres"}},
      {"observe/outside", {"observe/system", "observe/postgres", "observe/outside"}},
      {"serve", {"serve"}},
      {"serve/http", {"serve/http"}},
      {"serve/lease", {"serve/lease"}},
      {"serve/gate", {"serve", "serve/http", "serve/gate"}},
      {"serve/metrics", {"serve", "serve/http", "serve/gate", "serve/metrics"}},
      {"serve/ops", {"serve", "serve/http", "serve/gate", "serve/metrics", "serve/ops"}},
  };
  return table;
}

/// Empty if the include is allowed. Both paths are in exporter/.
std::string complaint_of_arrow(const std::string& from, const std::string& to) {
  const std::string folder = folder_of(from);
  const auto allowed = arrows().find(folder);
  if (allowed == arrows().end()) return "a folder without arrows: " + folder;
  if (!allowed->second.contains(folder_of(to))) return folder + " may not include " + folder_of(to);
  if (folder_of(to) != folder) return "";
  const auto rooms = arrows_between_rooms().find(room_of(from));
  if (rooms == arrows_between_rooms().end())
    return room_of(from) == folder ? "" : "a room without arrows: " + room_of(from);
  return rooms->second.contains(room_of(to)) ? ""
                                             : room_of(from) + " may not include " + room_of(to);
}

struct HeaderRule {
  const char* header;                ///< regular expression for the include
  std::vector<std::string> allowed;  ///< regular expressions for paths in exporter/
};

const std::vector<HeaderRule>& header_rules() {
  static const std::vector<HeaderRule> table = {
      {R"(libpq-fe\.h)", {R"(exporter/observe/postgres/pg_connection\.cpp)"}},
      {R"(httplib\.h)", {R"(exporter/(serve/http/http_server|net/http_client)\.cpp)"}},
      {R"(yaml-cpp/.*)", {R"(exporter/config/.*\.cpp)"}},
      {R"(prometheus/.*)", {R"(exporter/serve/metrics/.*\.cpp)"}},
      {R"(nlohmann/.*)",
       {R"(exporter/serve/(ops/(view_json|readyz)|gate/gate_answer)\.cpp)",
        R"(exporter/observe/(archive/archive_pgbackrest|outside/witness_answer)\.cpp)",
        R"(exporter/notify/alertmanager\.cpp)", R"(exporter/(cli|run)/.*)"}},
      {R"(openssl/.*)",
       {R"(exporter/(notify/sign|observe/postgres/pg_tls|serve/http/(basic_auth|tls))\.cpp)"}},
      {R"(spdlog/.*)", {R"(exporter/(cli|run)/.*)"}},
      {R"(CLI/.*)", {R"(exporter/cli/.*\.cpp)"}},
      {R"(asio(/.*|\.hpp))",
       {R"(exporter/observe/.*)", R"(exporter/run/.*)",
        R"(exporter/serve/http/stream_server\.cpp)"}},
      {R"(boost/.*)", {R"(exporter/serve/gate/gate_http\.cpp)"}},
      // What can reload and freeze: no other listener may reach it.
      {R"(exporter/serve/ops/(control|ops_handler)\.hpp)",
       {R"(exporter/serve/ops/(control|ops_handler)\.[ch]pp)", R"(exporter/(cli|run)/.*)"}},
      {R"(regex)", {}},  // std::regex recurses once per character
      {R"(thread|iostream|fstream|atomic|future|ctime|cstdlib)",
       {R"(exporter/(?!(base|core)/).*)", R"(exporter/base/(check|detached_threads)\.cpp)"}},
      {R"(mutex|shared_mutex|condition_variable)", {R"(exporter/base/mutex\.hpp)"}},
      {R"(exporter/base/(detached_threads|mutex|thread_annotations)\.hpp)",
       {R"(exporter/(?!(base|core)/).*)", R"(exporter/base/(detached_threads|mutex)\.[ch]pp)"}},
  };
  return table;
}

/// Where a rule looks. Code is without comments and literals.
enum class Scope {
  product_code,
  headers_and_product_code,
  all_code,
  product_text,
  cpp_text,
  code_text,
  test_text,
  everything
};

struct BannedRule {
  Scope scope;
  const char* what;  ///< regular expression
  const char* why;
  const char* except = "";  ///< regular expression for paths
};

constexpr const char* kClock =
    R"(exporter/(run/system_clock|serve/http/http_connection|observe/system/processor_time)\.cpp)";

constexpr std::array kBanned = {
    BannedRule{Scope::product_code,
               R"(\b(sto[dfil]|stold|stoll|stoul|stoull|strto[a-z]+|ato[filq])\s*\()",
               "use base::parse_number: this follows the locale, ignores what comes after"},
    BannedRule{Scope::product_code, R"(\bfrom_chars\b)", "use base::parse_number or take_number",
               R"(exporter/base/number\.hpp)"},
    BannedRule{Scope::cpp_text, R"([<>]=?\s*'[0aA]'|'[0aA]'\s*[<>])",
               "use base/text: is_digit, is_letter, lower and their like", R"(exporter/base/.*)"},
    BannedRule{Scope::product_code, R"(\bsetlocale\b|std::locale\b)", "the locale stays C"},
    BannedRule{Scope::product_text, R"(printf\s*\(.*%[-+ #0-9.*]*l?[aefgAEFG])",
               "use std::to_chars: printf follows the locale"},
    BannedRule{Scope::all_code, R"(\b(sleep_for|sleep_until|usleep|nanosleep)\b|\bsleep\s*\()",
               "wait for a condition: tests/support/eventually.hpp",
               R"(tests/support/eventually\.hpp|exporter/cli/status\.cpp)"},
    BannedRule{Scope::product_code, R"(::now\s*\(\s*\))", "time comes from core::Clock", kClock},
    BannedRule{Scope::product_code,
               R"(\bclock_gettime\b|\bgettimeofday\b|\btime\s*\((0|NULL|nullptr)\))",
               "time comes from core::Clock", kClock},
    BannedRule{Scope::product_code,
               R"(\bPQ(cancel|connectdb|connectdbParams|exec|execParams|ping)\s*\()",
               "blocks the loop"},
    BannedRule{Scope::product_code,
               R"(\bstd::(\w*mutex|\w+_lock|lock_guard|condition_variable\w*)\b)",
               "use base::Mutex: clang checks what it guards", R"(exporter/base/mutex\.hpp)"},
    BannedRule{Scope::product_code, R"(\bassert\s*\()",
               "use RPOGUARD_CHECK: it stays on in release"},
    BannedRule{Scope::all_code, R"(\b(system|popen)\s*\()", "no shell"},
    BannedRule{Scope::headers_and_product_code, R"(\busing namespace\b)", "write the namespace"},
    BannedRule{Scope::product_code, R"(^\s*delete\b|(=|\breturn)\s*new\b)", "use std::make_unique",
               R"(exporter/serve/http/http_server\.cpp)"},
    BannedRule{Scope::cpp_text, R"(NOLINT(NEXTLINE|BEGIN|END)?(?![A-Z(]))",
               "name the check that is silenced"},
    BannedRule{Scope::everything, R"(\b(TODO|FIXME|XXX)\b)", "finish it or file it as an issue"},
    BannedRule{Scope::everything, "/root/|/home/|/work/", "a path of one machine"},
    // Like A1, but not C11, which is a language.
    BannedRule{Scope::code_text, R"((^|[\s(,;])[ABD-Z][0-9]{1,2}(?=[\s,.;:)]|$))",
               "an id that nobody can look up: say the reason in words"},
    BannedRule{Scope::code_text,
               "\\((design|style|mission)\\b|\\b[Tt]he design\\b|\\bdesign's\\b|\xC2\xA7",
               "a document that readers do not have: say the reason in words"},
    BannedRule{Scope::test_text, "DISABLED_|GTEST_SKIP", "fix the test or delete it"},
};

bool in_scope(Scope scope, const Source& source) {
  const bool product = source.is_cpp() && source.under("exporter/");
  // The rules and their own tests spell out what they ban.
  const bool about_rules = source.under("tests/tidy");
  switch (scope) {
    case Scope::product_code:
      return product;
    case Scope::headers_and_product_code:
      return product || source.path.ends_with(".hpp");
    case Scope::all_code:
      return source.is_cpp();
    case Scope::product_text:
      return product;
    case Scope::cpp_text:
      return source.is_cpp() && !about_rules;
    case Scope::code_text:
      return source.is_code() && !about_rules;
    case Scope::test_text:
      return source.is_cpp() && source.under("tests/") && !about_rules;
    case Scope::everything:
      return !about_rules;
  }
  return false;
}

bool looks_at_code(Scope scope) {
  return scope == Scope::product_code || scope == Scope::headers_and_product_code ||
         scope == Scope::all_code;
}

/// A file of exporter/ without a test of its own: a part behind another file's interface.
struct Excuse {
  const char* path;
  const char* tested_by;  ///< the test that runs it
};

constexpr std::array kExcuses = {
    Excuse{"exporter/main.cpp", "tests/stack/region_pair.cpp"},
    Excuse{"exporter/cli/app.cpp", "tests/stack/region_pair.cpp"},
    Excuse{"exporter/cli/node_order.cpp", "tests/stack/rivals_test.cpp"},
    Excuse{"exporter/cli/freeze.cpp", "tests/stack/freeze_test.cpp"},
    Excuse{"exporter/run/hook_command.cpp", "tests/pg/hook_runs_test.cpp"},
    Excuse{"exporter/run/hook_sql.cpp", "tests/pg/hook_runs_test.cpp"},
    Excuse{"exporter/run/monitor.cpp", "tests/stack/link_cut_test.cpp"},
    Excuse{"exporter/cli/print_sql.cpp", "tests/stack/region_pair.cpp"},
    Excuse{"exporter/cli/serve.cpp", "tests/stack/link_cut_test.cpp"},
    Excuse{"exporter/run/service.cpp", "tests/stack/link_cut_test.cpp"},
    Excuse{"exporter/config/build.cpp", "tests/unit/config/load_test.cpp"},
    Excuse{"exporter/config/check_connect.cpp", "tests/unit/config/load_test.cpp"},
    Excuse{"exporter/config/check_hooks.cpp", "tests/unit/config/load_test.cpp"},
    Excuse{"exporter/config/check_sources.cpp", "tests/unit/config/load_test.cpp"},
    Excuse{"exporter/config/checks.cpp", "tests/unit/config/load_test.cpp"},
    Excuse{"exporter/config/file.cpp", "tests/unit/config/load_test.cpp"},
    Excuse{"exporter/config/findings.cpp", "tests/unit/config/load_test.cpp"},
    Excuse{"exporter/config/report.cpp", "tests/unit/config/load_test.cpp"},
    Excuse{"exporter/observe/postgres/node_session.cpp", "tests/wire/pg_prober_test.cpp"},
    Excuse{"exporter/observe/postgres/pg_session.cpp", "tests/wire/pg_prober_test.cpp"},
    Excuse{"exporter/config/table_connect.cpp", "tests/unit/config/keys_test.cpp"},
    Excuse{"exporter/config/table_hooks.cpp", "tests/unit/config/keys_test.cpp"},
    Excuse{"exporter/config/table_process.cpp", "tests/unit/config/keys_test.cpp"},
    Excuse{"exporter/config/table_shard.cpp", "tests/unit/config/keys_test.cpp"},
    Excuse{"exporter/config/table_sources.cpp", "tests/unit/config/keys_test.cpp"},
    Excuse{"exporter/net/received.cpp", "tests/wire/http_client_test.cpp"},
    Excuse{"exporter/observe/postgres/pg_intake.cpp", "tests/wire/pg_connection_test.cpp"},
    Excuse{"exporter/serve/lease/shared_file.cpp", "tests/unit/serve/lease_page_test.cpp"},
    Excuse{"exporter/notify/alert_worker.cpp", "tests/wire/hooks_test.cpp"},
    Excuse{"exporter/notify/event_worker.cpp", "tests/wire/hooks_test.cpp"},
    Excuse{"exporter/serve/metrics/metrics_archive.cpp", "tests/unit/serve/metric_table_test.cpp"},
    Excuse{"exporter/serve/metrics/metrics_node.cpp", "tests/unit/serve/metric_table_test.cpp"},
    Excuse{"exporter/serve/metrics/metrics_process.cpp", "tests/unit/serve/metric_table_test.cpp"},
    Excuse{"exporter/serve/metrics/metrics_samples.cpp", "tests/unit/serve/metric_table_test.cpp"},
    Excuse{"exporter/serve/metrics/metrics_shard.cpp", "tests/unit/serve/metric_table_test.cpp"},
    Excuse{"exporter/core/model/names.cpp", "tests/unit/core/words_test.cpp"},
    Excuse{"exporter/core/model/view.cpp", "tests/unit/core/words_test.cpp"},
};

/// The one mutex that guards something other than members: the processor's time.
constexpr struct {
  const char* path;
  const char* mutex;
} kGuardsNoMember{"exporter/serve/http/basic_auth.hpp", "computing_"};

std::string stem_of(const std::string& path) {
  return std::filesystem::path(path).stem().string();
}

}  // namespace

Complaints check_includes(const Source& source) {
  Complaints complaints;
  const std::string folder = folder_of(source.path);
  for (const Include& include : source.includes) {
    if (!folder.empty() && include.name.starts_with("tests/")) {
      complain(complaints, source, include.line, "the product may not include tests");
    }
    if (folder.empty()) continue;
    if (include.name.starts_with("exporter/")) {
      const std::string complaint = complaint_of_arrow(source.path, include.name);
      if (!complaint.empty()) complain(complaints, source, include.line, complaint);
    }
    for (const HeaderRule& rule : header_rules()) {
      if (std::regex_match(include.name, std::regex(rule.header)) &&
          !matches_any(source.path, rule.allowed)) {
        complain(complaints, source, include.line, "may not include <" + include.name + ">");
      }
    }
  }
  return complaints;
}

Complaints check_shape(const Source& source) {
  Complaints complaints;
  if (!source.is_cpp()) return complaints;
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    const std::string& line = source.lines[i];
    // Columns, not bytes: continuation bytes of UTF-8 do not count.
    const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    if (static_cast<std::size_t>(columns) > kLineLengthMax && !line.starts_with("#include")) {
      complain(complaints, source, i + 1, "longer than 100 columns");
    }
    if (line.find('\t') != std::string::npos) complain(complaints, source, i + 1, "a tab");
    if (line.ends_with(' ')) complain(complaints, source, i + 1, "a blank at the end");
  }
  if (source.lines.size() > kFileLinesMax) {
    complain(complaints, source, source.lines.size(), "file longer than 600 lines");
  }
  for (const Body& body : source.bodies) {
    const std::size_t most = source.under("tests/") ? kTestLinesMax : kFunctionLinesMax;
    if (body.length > most) {
      complain(complaints, source, body.line,
               "function of " + std::to_string(body.length) + " lines, " + std::to_string(most) +
                   " are allowed");
    }
  }
  const bool once =
      std::find(source.lines.begin(), source.lines.end(), "#pragma once") != source.lines.end();
  if (source.path.ends_with(".hpp") && !once) complain(complaints, source, 1, "no #pragma once");
  return complaints;
}

Complaints check_banned(const Source& source) {
  Complaints complaints;
  for (const BannedRule& rule : kBanned) {
    if (!in_scope(rule.scope, source) || matches_any(source.path, {rule.except})) continue;
    const std::regex what(rule.what);
    const std::vector<std::string>& lines = looks_at_code(rule.scope) ? source.code : source.lines;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::smatch match;
      if (std::regex_search(lines[i], match, what)) {
        complain(complaints, source, i + 1, "'" + match.str() + "': " + rule.why);
      }
    }
  }
  return complaints;
}

Complaints check_mutexes(const Source& source) {
  static const std::regex member(R"(\bMutex\s+(\w+);)");
  Complaints complaints;
  if (!source.under("exporter/") || !source.is_cpp()) return complaints;
  const auto guards = [&](const std::string& mutex) {
    return std::any_of(source.code.begin(), source.code.end(), [&](const std::string& line) {
      return line.find("GUARDED_BY(" + mutex + ")") != std::string::npos;
    });
  };
  for (std::size_t i = 0; i < source.code.size(); ++i) {
    std::smatch match;
    if (!std::regex_search(source.code[i], match, member) || guards(match[1])) continue;
    if (source.path == kGuardsNoMember.path && match[1] == kGuardsNoMember.mutex) continue;
    complain(complaints, source, i + 1, "no member is GUARDED_BY(" + match[1].str() + ")");
  }
  return complaints;
}

Complaints check_tested(const std::vector<Source>& sources) {
  std::set<std::string> tests;
  std::set<std::string> included;
  std::set<std::string> paths;
  for (const Source& source : sources) {
    paths.insert(source.path);
    if (!source.under("tests/") || source.under("tests/support/")) continue;
    tests.insert(stem_of(source.path));
    for (const Include& include : source.includes) included.insert(include.name);
  }
  Complaints complaints;
  std::set<std::string> excused;
  for (const Excuse& excuse : kExcuses) {
    if (paths.contains(excuse.path) && paths.contains(excuse.tested_by))
      excused.insert(excuse.path);
  }
  for (const Source& source : sources) {
    if (!source.under("exporter/") || !source.path.ends_with(".cpp")) continue;
    const std::string header = source.path.substr(0, source.path.size() - 4) + ".hpp";
    const bool tested = tests.contains(stem_of(source.path) + "_test") || included.contains(header);
    if (tested || excused.contains(source.path)) continue;
    complain(complaints, source, 1, "no test includes or names it");
  }
  return complaints;
}

// What gateways call of the lease page is named like a metric.
void add_lease_header_names(const std::vector<Source>& sources, std::set<std::string>& names) {
  static const std::regex name(R"(\brpoguard_lease[a-z_]*\b)");
  for (const Source& source : sources) {
    if (source.path != "exporter/serve/lease/rpoguard_lease.h") continue;
    for (const std::string& line : source.lines) {
      for (std::sregex_iterator it(line.begin(), line.end(), name); it != std::sregex_iterator();
           ++it) {
        names.insert(it->str());
      }
    }
  }
}

std::set<std::string> defined_metrics(const std::vector<Source>& sources) {
  static const std::regex quoted(R"re("(rpoguard_[a-z0-9_]+)")re");
  std::set<std::string> names;
  for (const Source& source : sources) {
    if (!source.under("exporter/serve/") || !source.path.ends_with(".cpp")) continue;
    for (const std::string& line : source.lines) {
      for (std::sregex_iterator it(line.begin(), line.end(), quoted); it != std::sregex_iterator();
           ++it) {
        names.insert((*it)[1]);
      }
    }
  }
  add_lease_header_names(sources, names);
  return names;
}

namespace {

struct Word {
  std::size_t line;
  std::string text;
};

// What `what` finds in its first group, outside comments: there the quotes are blanked out, too.
std::vector<Word> words_in_code(const Source& source, const std::regex& what) {
  std::vector<Word> words;
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    const std::string& line = source.lines[i];
    for (std::sregex_iterator it(line.begin(), line.end(), what); it != std::sregex_iterator();
         ++it) {
      const auto quote = static_cast<std::size_t>(it->position(1)) - 1;
      if (source.code[i][quote] == '"') words.push_back({i + 1, (*it)[1]});
    }
  }
  return words;
}

}  // namespace

Complaints check_metric_rows(const std::vector<Source>& sources) {
  static const std::regex row_name(R"re(\.name = "((rpoguard|process)_[a-z0-9_]+)")re");
  static const std::regex string(R"re("((rpoguard|process)_[a-z0-9_]+)")re");
  std::set<std::string> metrics;
  for (const Source& source : sources) {
    if (!source.under("exporter/serve/")) continue;
    for (const Word& word : words_in_code(source, row_name)) metrics.insert(word.text);
  }
  Complaints complaints;
  std::set<std::string> seen;
  for (const Source& source : sources) {
    if (!source.under("exporter/") || !source.is_cpp()) continue;
    for (const Word& word : words_in_code(source, string)) {
      if (metrics.contains(word.text) && !seen.insert(word.text).second)
        complain(complaints, source, word.line, "a metric has one row: " + word.text);
    }
  }
  if (metrics.empty()) complaints.push_back("exporter/serve:1: no row of a metric was found");
  return complaints;
}

Complaints check_metric_names(const Source& source, const std::set<std::string>& known) {
  static const std::regex user(R"((rules|dashboards|helm|docs)/.*|README\.md)");
  static const std::regex metric(R"(\brpoguard_[a-z0-9_]+\b)");
  static const std::regex suffix(R"(_(bucket|sum|count)$)");
  Complaints complaints;
  if (!std::regex_match(source.path, user)) return complaints;
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    const std::string& line = source.lines[i];
    for (std::sregex_iterator it(line.begin(), line.end(), metric); it != std::sregex_iterator();
         ++it) {
      const std::string name = it->str();
      if (!known.contains(name) && !known.contains(std::regex_replace(name, suffix, ""))) {
        complain(complaints, source, i + 1, "no such metric: " + name);
      }
    }
  }
  return complaints;
}

Complaints check_top_level(const std::string& root) {
  static const std::set<std::string> allowed = {"CMakeLists.txt", "CMakePresets.json",
                                                "LICENSE",        "README.md",
                                                "cmake",          "dashboards",
                                                "demo",           "docs",
                                                "exporter",       "helm",
                                                "rules",          "tests",
                                                "build",          ".ci",
                                                ".clang-format",  ".clang-tidy",
                                                ".demo",          ".git",
                                                ".gitignore"};
  Complaints complaints;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    const std::string name = entry.path().filename();
    if (!allowed.contains(name)) complaints.push_back(name + ":1: does not belong at the top");
  }
  return complaints;
}

}  // namespace rpoguard::tidy
