#include "exporter/config/key_table.hpp"

namespace rpoguard::config {
namespace {

using core::ArchiveFormat;
using core::ArchiveSource;
using core::ArchiveSpec;
using core::Duration;
using core::EpochSource;
using core::ShardSpec;
using core::WitnessSpec;

// A shard has one pace for both of its witnesses.
template <auto Member>
Target pace_of_witnesses() {
  using ForEpoch = Path<&ShardSpec::epoch_witness, Member>;
  using ForGeneration = Path<&ShardSpec::generation_witness, Member>;
  const Setter<ShardSpec> set = [](ShardSpec& shard, const Value& value, const Words& words) {
    ForEpoch::in(shard) = value_as<Duration>(value, words);
    ForGeneration::in(shard) = ForEpoch::in(shard);
  };
  return {.path = typeid(ForEpoch), .set = set};
}

std::vector<Key> epoch_keys() {
  return {
      {.path = "defaults.epoch.source",
       .sets = member<&ShardSpec::epoch_source>(),
       .type = Type::choice,
       .default_text = "table",
       .choices = words_of(EpochSource::table, EpochSource::timeline, EpochSource::query,
                           EpochSource::http),
       .help = "who names the newest writer: cluster_state, the WAL timeline, a query, an HTTP "
               "authority"},
      {.path = "defaults.epoch.query",
       .sets = member<&ShardSpec::epoch_query>(),
       .type = Type::query,
       .optional = true,
       .help = "source query, on each node: one row, epoch (bigint) and, if known, writer region "
               "(text)"},
      {.path = "defaults.epoch.url",
       .sets = member<&ShardSpec::epoch_witness, &WitnessSpec::url>(),
       .type = Type::url,
       .optional = true,
       .help = "URL of JSON with the epoch: one more witness, or, with source http, the authority"},
      {.path = "defaults.epoch.pointer",
       .sets = member<&ShardSpec::epoch_witness, &WitnessSpec::pointer>(),
       .type = Type::pointer,
       .optional = true,
       .help = "where the epoch, a whole number from 0, is in that JSON"},
      {.path = "defaults.epoch.writer_pointer",
       .sets = member<&ShardSpec::epoch_witness, &WitnessSpec::writer_pointer>(),
       .type = Type::pointer,
       .optional = true,
       .help = "only with source http: where the writer's node name or region is"},
      {.path = "defaults.epoch.token_file",
       .sets = member<&ShardSpec::epoch_witness, &WitnessSpec::token_file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with a bearer token for epoch.url, read at each request"},
      {.path = "defaults.epoch.ca_file",
       .sets = member<&ShardSpec::epoch_witness, &WitnessSpec::ca_file>(),
       .type = Type::path,
       .optional = true,
       .help = "CA of epoch.url; none: those of the system"},
  };
}

std::vector<Key> witness_keys() {
  return {
      {.path = "defaults.generation.url",
       .sets = member<&ShardSpec::generation_witness, &WitnessSpec::url>(),
       .type = Type::url,
       .optional = true,
       .help = "URL of JSON with the generation of the shard map; none: it is not checked"},
      {.path = "defaults.generation.pointer",
       .sets = member<&ShardSpec::generation_witness, &WitnessSpec::pointer>(),
       .type = Type::pointer,
       .optional = true,
       .help = "where the generation, a whole number from 0, is in that JSON"},
      {.path = "defaults.generation.token_file",
       .sets = member<&ShardSpec::generation_witness, &WitnessSpec::token_file>(),
       .type = Type::path,
       .optional = true,
       .secret = true,
       .help = "file with a bearer token for generation.url, read at each request"},
      {.path = "defaults.generation.ca_file",
       .sets = member<&ShardSpec::generation_witness, &WitnessSpec::ca_file>(),
       .type = Type::path,
       .optional = true,
       .help = "CA of generation.url; none: those of the system"},
      {.path = "defaults.witness.interval",
       .sets = pace_of_witnesses<&WitnessSpec::interval>(),
       .type = Type::duration,
       .default_text = "1s",
       .range = {.low = "100ms", .high = "10m"},
       .help = "how often epoch.url and generation.url are asked"},
      {.path = "defaults.witness.timeout",
       .sets = pace_of_witnesses<&WitnessSpec::timeout>(),
       .type = Type::duration,
       .default_text = "800ms",
       .range = {.low = "10ms", .high = "60s"},
       .help = "deadline of one request to a witness; less than witness.interval"},
      {.path = "defaults.witness.ttl",
       .sets = pace_of_witnesses<&WitnessSpec::ttl>(),
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "100ms", .high = "1h"},
       .help = "how long an answer is good; at least witness.interval + witness.timeout"},
  };
}

std::vector<Key> archive_keys() {
  return {
      {.path = "defaults.archive.source",
       .sets = member<&ShardSpec::archive, &ArchiveSpec::source>(),
       .type = Type::choice,
       .default_text = "postgres",
       .choices =
           words_of(ArchiveSource::postgres, ArchiveSource::directory, ArchiveSource::command),
       .help = "who tells what the archive holds: the writer (never counted), directory, command"},
      {.path = "defaults.archive.directory",
       .sets = member<&ShardSpec::archive, &ArchiveSpec::directory>(),
       .type = Type::path,
       .optional = true,
       .help = "source directory: where the WAL files are; {shard} is the id of the shard"},
      {.path = "defaults.archive.command",
       .sets = member<&ShardSpec::archive, &ArchiveSpec::command>(),
       .type = Type::command,
       .optional = true,
       .help = "source command: prints what the archive holds; no shell; {shard} is the id of the "
               "shard"},
      {.path = "defaults.archive.format",
       .sets = member<&ShardSpec::archive, &ArchiveSpec::format>(),
       .type = Type::choice,
       .default_text = "names",
       .choices = words_of(ArchiveFormat::names, ArchiveFormat::pgbackrest),
       .help =
           "what the command prints: one file name per line, or `pgbackrest info --output=json`"},
      {.path = "defaults.archive.interval",
       .sets = member<&ShardSpec::archive, &ArchiveSpec::interval>(),
       .type = Type::duration,
       .default_text = "5s",
       .range = {.low = "100ms", .high = "10m"},
       .help = "how often rpoguard lists the archive; with source postgres, the .ready files of "
               "the writer"},
      {.path = "defaults.archive.timeout",
       .sets = member<&ShardSpec::archive, &ArchiveSpec::timeout>(),
       .type = Type::duration,
       .default_text = "10s",
       .range = {.low = "100ms", .high = "5m"},
       .help = "deadline of one listing; after it the command is killed"},
      {.path = "defaults.archive.max_age",
       .sets = member<&ShardSpec::archive, &ArchiveSpec::max_age>(),
       .type = Type::duration,
       .default_text = "off",
       .range = {.low = "1s", .high = "30d", .or_word = "off"},
       .help = "close the gate when the WAL archive is older; off only reports"},
      {.path = "defaults.archive.readable_from",
       .sets = member<&ShardSpec::archive, &ArchiveSpec::readable_from>(),
       .type = Type::labels,
       .optional = true,
       .help = "regions that can restore from the archive; it is a counted copy while one of them "
               "is not the writer's"},
  };
}

}  // namespace

std::vector<Key> source_keys() {
  return joined({epoch_keys(), witness_keys(), archive_keys()});
}

}  // namespace rpoguard::config
