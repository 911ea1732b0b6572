// What befalls the history of a shard: its writer loses WAL, and one of two rpoguards sees it.
#include <stdexcept>

#include "tests/rules/faults.hpp"
#include "tests/support/process.hpp"

namespace rpoguard::test {
namespace {

/// A crash-consistent copy of a server's data directory, as a snapshot of its volume is one.
class OldVolume {
 public:
  explicit OldVolume(Server& server) : server_(server) {
    server_.kill9();
    copy(server_.data_dir(), kept_ / "data");
    server_.start();
  }
  /// The server loses all that it has written since.
  void put_back() {
    server_.kill9();
    copy(kept_ / "data", server_.data_dir());
    server_.start();
  }

 private:
  static void copy(const std::string& from, const std::string& to) {
    const CommandResult done =
        run_command({.argv = {"sh", "-c", "rm -rf \"$2\" && cp -a \"$1\" \"$2\"", "sh", from, to}});
    if (done.exit_code != 0) throw std::runtime_error(done.output);
  }

  Server& server_;
  TempDir kept_;
};

Labels alert_of_instance(const std::string& name, const Rpoguard& rpoguard, Labels more) {
  more.emplace("instance", "127.0.0.1:" + std::to_string(rpoguard.ops_port()));
  return alert_of(name, "184", std::move(more));
}

void readmit(const Rpoguard& rpoguard, const std::string& node) {
  const auto reply = http_call(
      rpoguard.ops_port(),
      {.method = "POST", .target = "/-/readmit?shard=184&node=" + node + "&by=jo&reason=rebuilt"});
  if (!reply || reply->status != 200)
    throw std::runtime_error(node + " is not readmitted: " + (reply ? reply->body : "no answer"));
}

}  // namespace

void lose_the_past(AlertTable& table) {
  RegionPair pair;
  const RpoguardConfig config = RegionPair::rpoguard_config({&pair});
  Rpoguard watching(config);
  Rpoguard away(config);
  for (Rpoguard* rpoguard : {&watching, &away}) {
    rpoguard->wait_until_serving();
    wait_until_open(*rpoguard, {"184"});
  }
  pair.cluster().set_synchronous("");
  OldVolume volume(pair.iad_a());
  write_wal(pair.iad_a(), 1);
  for (Server* copy : {&pair.iad_b(), &pair.phx_a()}) {
    if (!pair.cluster().caught_up(*copy, pair.iad_a()))
      throw std::runtime_error("a copy does not get it: " + copy->log());
  }
  for (Rpoguard* rpoguard : {&watching, &away}) wait_until_open(*rpoguard, {"184"});
  const Pager pager({watching.ops_port(), away.ops_port()});
  play(pager,
       {.what = "old snapshot of the writer's volume put back, one rpoguard was away",
        // It looks back for ten minutes.
        .alerts = {{.labels = alert_of_instance("RPOGuardWriterLostWal", watching, {}),
                    .resolves = false},
                   {alert_of_instance("RPOGuardNodeDiverged", watching, {{"node", "phx-a"}})},
                   {alert_of_instance("RPOGuardNodeLineageUnknown", away, {{"node", "phx-a"}})},
                   {.labels = alert_of("RPOGuardGateClosed", "184"), .wanted = Wanted::silenced}},
        .inject =
            [&] {
              away.kill9();
              volume.put_back();
              write_wal(pair.iad_a(), 2);  // beyond the end of what is lost: nothing shows it now
              away.start();
            },
        .heal =
            [&] {
              for (Server* copy : {&pair.iad_b(), &pair.phx_a()}) {
                copy->reseed({.port = pair.iad_a().port(), .application_name = copy->name()});
                for (Rpoguard* rpoguard : {&watching, &away}) readmit(*rpoguard, copy->name());
              }
            }},
       table);
}

}  // namespace rpoguard::test
