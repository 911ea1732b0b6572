// What befalls Patroni, etcd, HAProxy and PgBouncer: real ones, but for what cannot be made to
// happen here, or has no page in Debian 12.
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/rules/faults.hpp"
#include "tests/stack/patroni_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/json_server.hpp"
#include "tests/support/ports.hpp"
#include "tests/support/proxies.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

Labels in_scope(const std::string& name, const std::string& scope) {
  return {{"alertname", name}, {"scope", scope}};
}

std::string local(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

/// Pages that nobody here can write: two Patronis that both believe, and PgBouncer's exporter.
std::string other_pages(bool bad) {
  return std::string("patroni_primary{scope=\"185\",name=\"iad-a\"} 1\n") +
         "patroni_primary{scope=\"185\",name=\"phx-a\"} " + (bad ? "1" : "0") +
         "\npgbouncer_pools_client_maxwait_seconds{database=\"app\",user=\"gateway\"} " +
         (bad ? "9" : "0") + "\n";
}

void edit(PatroniPair& pair, const std::string& setting) {
  pair.patronictl({"edit-config", "--force", "--quiet", "--set", setting});
}

void wait_for_a_leader(PatroniPair& pair, const Pager& pager) {
  if (!eventually(90s, [&] {
        return pager.prometheus().value("sum(patroni_primary{scope=\"shard-184\"})") == 1.0;
      }))
    throw std::runtime_error("no leader again: " + pair.iad_a().log());
}

/// Two Patronis, their etcd, an HAProxy in front, pages of others, and the people who are told.
struct Neighbours {
  Pager pager = Pager::idle({"neighbours.rules.yml"});
  PatroniPair pair{};
  std::uint16_t metrics = free_port();
  HaProxy proxy{"frontend metrics\n  mode http\n  bind " + local(metrics) +
                "\n  http-request use-service prometheus-exporter if { path /metrics }\n"
                "backend writer\n  mode tcp\n  server iad-a " +
                local(pair.iad_a().port()) + " check inter 100ms fall 1 rise 1\n"};
  JsonServer others{other_pages(false)};

  /// `setting`: of Patroni, before anybody looks.
  explicit Neighbours(const std::string& setting = "") {
    if (!setting.empty()) edit(pair, setting);
    pager.watch({pair.iad_a().rest_port(), pair.phx_a().rest_port(), pair.etcd().port(), metrics,
                 others.port()});
    wait_for_a_leader(pair, pager);
  }
};

}  // namespace

void disturb_proxies(AlertTable& table) {
  Neighbours here;
  play(here.pager,
       {.what = "Patroni paused, HAProxy without a server",
        .alerts = {{in_scope("RPOGuardPatroniPaused", "shard-184")},
                   {{{"alertname", "RPOGuardHAProxyNoServer"}, {"proxy", "writer"}}}},
        .inject =
            [&] {
              here.pair.patronictl({"pause"});
              here.proxy.lead("writer/iad-a", free_port());
            },
        .heal =
            [&] {
              here.pair.patronictl({"resume"});
              here.proxy.lead("writer/iad-a", here.pair.iad_a().port());
            }},
       table);
  play(here.pager,
       {.what = "two Patronis lead, clients of PgBouncer wait",
        .alerts = {{in_scope("RPOGuardPatroniTwoLeaders", "185")},
                   {{{"alertname", "RPOGuardPgBouncerClientsWait"}}}},
        .inject = [&] { here.others.say(other_pages(true)); },
        .heal = [&] { here.others.say(other_pages(false)); },
        .replayed = true},
       table);
}

void lose_the_store(AlertTable& table) {
  Neighbours here("failsafe_mode=true");
  here.pair.iad_a().wait_until("/failsafe");
  here.pair.phx_a().wait_until("/failsafe");
  play(here.pager,
       {.what = "etcd killed while Patroni has failsafe_mode",
        .alerts = {{in_scope("RPOGuardPatroniFailsafe", "shard-184")},
                   {in_scope("RPOGuardPatroniStoreUnseen", "shard-184")}},
        .inject = [&] { here.pair.etcd().kill9(); },
        .heal = [&] { here.pair.etcd().start(); }},
       table);
}

void lose_the_leader(AlertTable& table) {
  Neighbours here;
  play(here.pager,
       {.what = "etcd waits for a member that never comes",
        .alerts = {{{{"alertname", "RPOGuardEtcdNoLeader"}}},
                   {in_scope("RPOGuardPatroniNoLeader", "shard-184")}},
        .inject = [&] { here.pair.etcd().expect_a_member_that_never_comes(); }},
       table);
}

}  // namespace rpoguard::test
