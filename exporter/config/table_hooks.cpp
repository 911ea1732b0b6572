#include "exporter/config/key_table.hpp"
#include "exporter/core/tell/event.hpp"

namespace rpoguard::config {
namespace {

using core::HookSpec;
using core::HookType;

Words event_words() {
  Words words;
  for (std::size_t i = 0; i < core::kEventKindCount; ++i)
    words.emplace_back(core::name_of(static_cast<core::EventKind>(i)));
  return words;
}

std::vector<Key> address_keys() {
  return {
      {.path = "hooks[].name",
       .sets = member<&HookSpec::name>(),
       .type = Type::label,
       .required = true,
       .help = "unique name of the hook, in metrics and the log"},
      {.path = "hooks[].type",
       .sets = member<&HookSpec::type>(),
       .type = Type::choice,
       .choices =
           words_of(HookType::webhook, HookType::command, HookType::sql, HookType::alertmanager),
       .required = true,
       .help = "POST a signed JSON, run a program, run SQL on the writer, or push alerts"},
      {.path = "hooks[].events",
       .sets = member<&HookSpec::events>(),
       .type = Type::choices,
       .choices = event_words(),
       .optional = true,
       .hook_types = {HookType::webhook, HookType::command, HookType::sql},
       .help = "events that the hook gets, [] for all; alertmanager gets alerts instead"},
      {.path = "hooks[].url",
       .sets = member<&HookSpec::url>(),
       .type = Type::url,
       .default_text = "(none, and webhook and alertmanager need one)",
       .secret = true,
       .hook_types = {HookType::webhook, HookType::alertmanager},
       .needed = true,
       .help = "webhook: where to POST; alertmanager: its address, without /api/v2/alerts"},
      {.path = "hooks[].secret_file",
       .sets = member<&HookSpec::secret_file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .hook_types = {HookType::webhook},
       .help = "webhook: file with the signing secrets (whsec_...), one per line"},
      {.path = "hooks[].token_file",
       .sets = member<&HookSpec::token_file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .hook_types = {HookType::webhook, HookType::alertmanager},
       .help = "webhook, alertmanager: file with a bearer token, read at each request"},
      {.path = "hooks[].ca_file",
       .sets = member<&HookSpec::ca_file>(),
       .type = Type::path,
       .optional = true,
       .hook_types = {HookType::webhook, HookType::alertmanager},
       .help = "webhook, alertmanager: CA; none: those of the system"},
  };
}

std::vector<Key> delivery_keys() {
  return {
      {.path = "hooks[].command",
       .sets = member<&HookSpec::command>(),
       .type = Type::command,
       .optional = true,
       .hook_types = {HookType::command},
       .needed = true,
       .help = "command: program to run, without a shell; gets the event on standard input"},
      {.path = "hooks[].sql",
       .sets = member<&HookSpec::sql>(),
       .type = Type::queries,
       .optional = true,
       .hook_types = {HookType::sql},
       .needed = true,
       .help = "sql: statements to run in turn on the confirmed writer of the event's shard"},
      {.path = "hooks[].user",
       .sets = member<&HookSpec::user>(),
       .type = Type::text,
       .optional = true,
       .hook_types = {HookType::sql},
       .help = "sql: role to connect as; none: that of the node"},
      {.path = "hooks[].password_file",
       .sets = member<&HookSpec::password_file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .hook_types = {HookType::sql},
       .help = "sql: file with the password of that role"},
      {.path = "hooks[].dbname",
       .sets = member<&HookSpec::dbname>(),
       .type = Type::text,
       .optional = true,
       .hook_types = {HookType::sql},
       .help = "sql: database to connect to; none: that of the node"},
      {.path = "hooks[].labels",
       .sets = member<&HookSpec::labels>(),
       .type = Type::settings,
       .optional = true,
       .hook_types = {HookType::alertmanager},
       .help = "alertmanager: labels for all alerts, as Prometheus adds them (job, instance)"},
      {.path = "hooks[].timeout",
       .sets = member<&HookSpec::timeout>(),
       .type = Type::duration,
       .default_text = "10s",
       .range = {.low = "100ms", .high = "60s"},
       .help = "deadline of one try; after it a command is killed"},
      {.path = "hooks[].give_up_after",
       .sets = member<&HookSpec::give_up_after>(),
       .type = Type::duration,
       .default_text = "15m",
       .range = {.low = "0s", .high = "7d"},
       .help = "rpoguard repeats a failed delivery until its event is this old"},
  };
}

}  // namespace

std::vector<Key> hook_keys() {
  return joined({address_keys(), delivery_keys()});
}

}  // namespace rpoguard::config
