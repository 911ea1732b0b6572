// Text that somebody has put into a database takes no look away, and does nothing to who reads it.
#include <gtest/gtest.h>

#include "tests/pg/observe_support.hpp"
#include "tests/support/cluster.hpp"

namespace rpoguard::test {
namespace {

/// A database of that encoding, with the migration.
void make_database(const Server& server, const std::string& name, const std::string& encoding) {
  server.exec("create database " + name + " encoding '" + encoding +
              "' lc_collate 'C' lc_ctype 'C' template template0");
  const TempDir dir;
  write_file(dir / "migration.sql", observe::render_migration("rpoguard", "iad"));
  const auto result = run_command(
      {.argv = {"psql", "-X", "-q", "-d", server.conninfo(name), "-f", dir / "migration.sql"}});
  if (result.exit_code != 0) throw std::runtime_error("psql: " + result.output);
}

TEST(foreign_text, in_any_encoding_fails_no_look) {
  Cluster shard;
  const Server& writer = shard.writer();
  struct Row {
    std::string database;
    std::string encoding;
    std::string written;  // as a literal
    std::string shown;
  };
  const std::vector<Row> rows{
      {"ascii", "SQL_ASCII", R"('M\xFCller')", "M?ller"},
      {"cut", "SQL_ASCII", R"(repeat('x', 199) || '\xC3\xBC')", std::string(199, 'x') + "?"},
      {"orders", "SQL_ASCII", R"('\x1b[2J\xC2\x9B2J\xE2\x80\xAEx')", "?[2J?2J?x"},
      {"latin", "LATIN1", R"('M\xFCller')", "M\xC3\xBCller"},
      {"windows", "WIN1252", R"('M\x81ller')", "M?ller"},  // 0x81 has no equivalent in UTF-8
      {"unicode", "UTF8", R"('M\xC3\xBCller\x1b[2J')", "M\xC3\xBCller?[2J"},
  };
  std::vector<core::NodeSpec> nodes;
  for (const Row& row : rows) {
    make_database(writer, row.database, row.encoding);
    Session session = writer.connect(row.database);
    session.rows("set client_encoding = 'SQL_ASCII'");
    std::string literal = row.written;
    for (auto at = literal.find('\''); at != std::string::npos; at = literal.find('\'', at + 1)) {
      literal.insert(at, "E");
      at = literal.find('\'', at + 2);
    }
    session.rows("update rpoguard.cluster_state set promoted_by = " + literal);
    core::NodeSpec node = node_on(writer);
    node.name = row.database;
    node.connect.dbname = row.database;
    nodes.push_back(node);
  }
  ProbeRun run(nodes, pg_options());
  for (std::size_t node = 0; node < rows.size(); ++node) {
    SCOPED_TRACE(rows[node].database);
    ASSERT_TRUE(run_probes(run, node, 2));
    ASSERT_NE(run.facts(node), nullptr) << run.error(node)->message;
    EXPECT_EQ(run.facts(node)->stamped->promoted_by, rows[node].shown);
  }
}

}  // namespace
}  // namespace rpoguard::test
