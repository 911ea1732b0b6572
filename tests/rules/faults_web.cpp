// What befalls the certificate that a listener shows.
#include <chrono>
#include <stdexcept>

#include "tests/rules/faults.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/ports.hpp"

namespace rpoguard::test {
namespace {

using namespace std::chrono_literals;

/// Seconds that the gate's certificate has left.
double expiry_in(const Rpoguard& rpoguard) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return rpoguard
             .metric("rpoguard_web_certificate_expiry_timestamp_seconds", {{"listener", "gate"}})
             .value_or(1e12) -
         now;
}

}  // namespace

void spoil_certificates(AlertTable& table) {
  const TempDir dir;
  make_authority(dir.path(), "ca");
  const auto show = [&](int days) {
    make_certificate(dir.path(), "gate", {.authority = "ca", .days = days});
  };
  show(365);
  write_file(dir / "gate.yml", "tls_server_config: {cert_file: gate.crt, key_file: gate.key}\n");
  RpoguardConfig config = {.shards = {{.id = "184"}}};
  config.shards.front().nodes = {{.name = "iad-a", .region = "iad", .port = free_port()},
                                 {.name = "phx-a", .region = "phx", .port = free_port()}};
  config.arguments = {"--gate.web.config.file=" + (dir / "gate.yml").string()};
  Rpoguard rpoguard(config);
  const auto lives = [&] {
    const auto reply = rpoguard.ops("/livez");
    return reply && reply->status == 200;
  };
  if (!eventually(30s, lives)) throw std::runtime_error("it does not serve: " + rpoguard.log());
  const Pager pager({rpoguard.ops_port()});
  play(pager,
       {.what = "certificate of two days, then a key that does not fit",
        .alerts = {{{{"alertname", "RPOGuardCertificateExpires"}, {"listener", "gate"}}},
                   // It looks back for ten minutes.
                   {.labels = {{"alertname", "RPOGuardWebConfigRefused"}, {"listener", "gate"}},
                    .resolves = false}},
        .inject =
            [&] {
              show(2);
              if (!eventually(30s, [&] { return expiry_in(rpoguard) < 3 * 86400; }))
                throw std::runtime_error("the certificate is not taken: " + rpoguard.log());
              write_file(dir / "gate.key", read_file(dir / "ca.key"));
            },
        .heal = [&] { show(365); }},
       table);
}

}  // namespace rpoguard::test
