// The metrics of the process: itself, its configuration, its hooks and its listeners.
#include <array>
#include <optional>

#include "exporter/serve/metrics/metric_rows.hpp"

namespace rpoguard::serve {
namespace {

std::optional<core::WallTime> last_success(const ReloadStatus::State& reload) {
  if (reload.last_success == core::WallTime{}) return std::nullopt;
  return reload.last_success;
}

constexpr auto kProcessRows = std::to_array<MetricRow>({
    {.name = "process_cpu_seconds_total",
     .kind = MetricKind::counter,
     .labels = {},
     .help = "Total user and system CPU time spent in seconds.",
     .read = once([](const Scrape& scrape) { return scrape.process.cpu_seconds; })},
    {.name = "process_max_fds",
     .kind = MetricKind::gauge,
     .labels = {},
     .help = "Maximum number of open file descriptors.",
     .read = once([](const Scrape& scrape) { return scrape.process.max_fds; })},
    {.name = "process_open_fds",
     .kind = MetricKind::gauge,
     .labels = {},
     .help = "Number of open file descriptors.",
     .read = once([](const Scrape& scrape) { return scrape.process.open_fds; })},
    {.name = "process_resident_memory_bytes",
     .kind = MetricKind::gauge,
     .labels = {},
     .help = "Resident memory size in bytes.",
     .read = once([](const Scrape& scrape) { return scrape.process.resident_bytes; })},
    {.name = "process_start_time_seconds",
     .kind = MetricKind::gauge,
     .labels = {},
     .help = "Start time of the process since unix epoch in seconds.",
     .read = once([](const Scrape& scrape) { return scrape.process.start_time_seconds; })},
    {.name = "process_virtual_memory_bytes",
     .kind = MetricKind::gauge,
     .labels = {},
     .help = "Virtual memory size in bytes.",
     .read = once([](const Scrape& scrape) { return scrape.process.virtual_bytes; })},
    {.name = "rpoguard_build_info",
     .kind = MetricKind::gauge,
     .labels = {"version"},
     .help = "Always 1. The label says which rpoguard this is.",
     .read = once([](const Scrape&, SamplesOf& add) { add({RPOGUARD_VERSION}, 1); })},
    {.name = "rpoguard_config_last_reload_success_timestamp_seconds",
     .kind = MetricKind::gauge,
     .labels = {},
     .help = "Unix time (wall clock of this host) at which a configuration was last loaded without "
             "an error.",
     .read = once([](const Scrape& scrape) { return last_success(scrape.reload); })},
    {.name = "rpoguard_config_last_reload_successful",
     .kind = MetricKind::gauge,
     .labels = {},
     .help = "1 if the last attempt to load the configuration succeeded; 0 if the file was refused "
             "and the previous configuration is still in effect.",
     .read = once([](const Scrape& scrape) { return scrape.reload.successful; })},
    {.name = "rpoguard_hook_deliveries_total",
     .kind = MetricKind::counter,
     .labels = {"hook", "result"},
     .help = "What became of events for the hook: delivered, failed (refused or given up), dropped "
             "(its queue was full). For an Alertmanager: requests with alerts.",
     .read = each_hook([](const core::HookStats& hook, SamplesOf& add) {
       add({"delivered"}, hook.delivered);
       add({"failed"}, hook.failed);
       add({"dropped"}, hook.dropped);
     })},
    {.name = "rpoguard_hook_queue_events",
     .kind = MetricKind::gauge,
     .labels = {"hook"},
     .help = "Events that wait for the hook, including the one being delivered.",
     .read = each_hook([](const core::HookStats& hook) { return hook.queued; })},
    {.name = "rpoguard_hook_retries_total",
     .kind = MetricKind::counter,
     .labels = {"hook"},
     .help = "Deliveries to the hook tried again after a failure.",
     .read = each_hook([](const core::HookStats& hook) { return hook.retries; })},
    {.name = "rpoguard_http_clients_given_up_total",
     .kind = MetricKind::counter,
     .labels = {"listener"},
     .help = "Clients of the listener that were cut off because others needed their place: on ops "
             "those that took their answer too slowly, on the gate those that held too much memory "
             "with what they sent or did not take.",
     .read = once([](const Scrape& scrape, SamplesOf& add) {
       for (const GivenUp& each : scrape.given_up) add({each.listener}, each.clients);
     })},
    {.name = "rpoguard_lease_page_up",
     .kind = MetricKind::gauge,
     .labels = {},
     .help = "1 if the lease page exists and is written after every probe; 0 if rpoguard cannot "
             "make it, or another rpoguard has put its own at the path: then readers find every "
             "lease closed. Absent where none is configured.",
     .read = once([](const Scrape& scrape) {
       return scrape.view ? scrape.view->lease_page_up : std::nullopt;
     })},
    {.name = "rpoguard_log_lines_dropped_total",
     .kind = MetricKind::counter,
     .labels = {},
     .help = "Lines of the log that nobody will read: whoever reads stderr is stuck or too slow, "
             "or has closed it. The log itself says how many are missing, and where.",
     .read = once([](const Scrape& scrape) { return scrape.dropped_log_lines; })},
    {.name = "rpoguard_web_certificate_expiry_timestamp_seconds",
     .kind = MetricKind::gauge,
     .labels = {"listener"},
     .help = "Unix time at which the certificate that the listener shows ends. Absent without TLS.",
     .read = each_listener([](const WebStats& web) { return web.certificate_expiry; })},
    {.name = "rpoguard_web_config_reload_failures_total",
     .kind = MetricKind::counter,
     .labels = {"listener"},
     .help = "Refused changes of the web configuration file, or of a file that it names; the "
             "previous files stay in effect. Absent without such a file.",
     .read = each_listener([](const WebStats& web) { return web.reload_failures; })},
    {.name = "rpoguard_web_handshake_failures_total",
     .kind = MetricKind::counter,
     .labels = {"listener"},
     .help = "TLS handshakes that failed: no common version or cipher, no TLS at all, or a client "
             "certificate that was refused or left out. Absent without TLS.",
     .read = each_listener([](const WebStats& web) {
       return web.certificate_expiry ? std::optional(web.handshake_failures) : std::nullopt;
     })},
});
static_assert(is_sorted_by_name(kProcessRows));

}  // namespace

std::span<const MetricRow> process_rows() {
  return kProcessRows;
}

}  // namespace rpoguard::serve
