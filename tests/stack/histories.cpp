#include "tests/stack/histories.hpp"

#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "tests/support/process.hpp"

namespace rpoguard::test {
namespace {

void copy_directory(const std::string& from, const std::string& to) {
  const CommandResult done =
      run_command({.argv = {"sh", "-c", "rm -rf \"$2\" && cp -a \"$1\" \"$2\"", "sh", from, to}});
  if (done.exit_code != 0) throw std::runtime_error(done.output);
}

}  // namespace

nlohmann::json node_json(const Rpoguard& rpoguard, const std::string& name) {
  const auto view = rpoguard.ops_json("/api/v1/view");
  for (const auto& node : view.at("shards").at(0).at("nodes")) {
    if (node.at("name") == name) return node;
  }
  throw std::runtime_error("no node " + name);
}

std::string lineage_of(const Rpoguard& rpoguard, const std::string& name) {
  const auto lineage = node_json(rpoguard, name).at("lineage");
  return lineage.is_null() ? "none" : lineage.get<std::string>();
}

VolumeSnapshot::VolumeSnapshot(Server& server) : server_(server) {
  server_.kill9();
  copy_directory(server_.data_dir(), kept_ / "data");
  server_.start();
}

void VolumeSnapshot::restore() {
  server_.kill9();
  copy_directory(kept_ / "data", server_.data_dir());
  server_.start();
}

void open_without_promotion(Server& standby) {
  standby.stop();
  std::filesystem::remove(standby.data_dir() + "/standby.signal");
  standby.start();
}

void follow(Server& server, const Server& upstream) {
  if (server.running()) server.stop();
  const std::string signal = server.data_dir() + "/standby.signal";
  write_file(signal, "");
  give_to(unprivileged_user(), signal);
  server.set_conf("primary_conninfo", "host=127.0.0.1 port=" + std::to_string(upstream.port()) +
                                          " user=postgres application_name=" + server.name() +
                                          " gssencmode=disable sslmode=disable");
  server.set_conf("primary_slot_name", "");
  server.set_conf("recovery_target_timeline", "latest");
  server.start();
}

const char* name_of(Records records) {
  return records == Records::line_up ? "records_that_line_up" : "records_that_do_not";
}

void place_orders(const Server& writer, int history, int count, Records records,
                  const std::string& wait_for) {
  const std::string number = std::to_string(history);
  const std::string note =
      records == Records::line_up ? "'x'" : "repeat('x', n % 40 + 7 * " + number + ")";
  Session session = writer.connect();
  session.rows("set synchronous_commit = " + wait_for);
  session.rows("do $$ begin for n in 1.." + std::to_string(count) +
               " loop insert into orders values (" + number + ", n, " + note +
               "); commit; end loop; end $$");
}

std::size_t orders_on(const Server& server, int history) {
  if (server.query("select to_regclass('orders') is null") == "t") return 0;
  return std::stoul(
      *server.query("select count(*) from orders where history = " + std::to_string(history)));
}

std::size_t orders_after_promotion(const char* what, std::size_t acknowledged, Server& copy) {
  std::size_t found = 0;
  bool promoted = false;
  try {
    copy.exec("select pg_promote(false)");
    promoted = copy.becomes("select pg_is_in_recovery()", "f", std::chrono::seconds(5));
    found = orders_on(copy, 2);
  } catch (const SqlError&) {
    // Replay has met records that do not fit: there is no server to promote any more.
  }
  std::printf("%s: %zu rows acknowledged, %zu of them found on %s%s\n", what, acknowledged, found,
              copy.name().c_str(), promoted ? "" : ", which cannot be promoted");
  return found;
}

}  // namespace rpoguard::test
