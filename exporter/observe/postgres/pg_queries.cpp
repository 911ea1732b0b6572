#include "exporter/observe/postgres/pg_queries.hpp"

#include <algorithm>
#include <string_view>

#include "exporter/base/check.hpp"
#include "exporter/base/text.hpp"
#include "exporter/core/model/limits.hpp"
#include "exporter/observe/postgres/sql_text.hpp"

namespace rpoguard::observe {

namespace {

/// A text for servers from this version on.
struct Versioned {
  int min_version;
  const char* text;
};

template <std::size_t N>
std::string pick(const std::array<Versioned, N>& newest_first, int server_version) {
  const auto found =
      std::find_if(newest_first.begin(), newest_first.end(),
                   [&](const Versioned& v) { return server_version >= v.min_version; });
  RPOGUARD_CHECK(found != newest_first.end());
  return found->text;
}

// Whatever the servers, the database and the role have as their defaults: a standby refuses
// serializable transactions, and a read-only one that is deferrable may wait for ever. It comes
// first in its message, before any snapshot, and ends with it: one message without BEGIN is one
// transaction. The timeout of each later statement of the message is then ours, too.
constexpr const char* kOwnTransaction =
    "set transaction isolation level read committed, read only, not deferrable;\n"
    "set local statement_timeout = 0;\n";

// Privilege: none. Cost: once per session. Sets nothing that outlives it.
constexpr const char* kBackend = "select pg_catalog.pg_backend_pid() as backend_pid";

// Privilege: none. Cost: once per session. A message of its own: a SET in one message with a
// query that fails would be rolled back with it. set_config() reaches all in one round trip. What
// it calls itself has its schema: the search_path is not ours before.
// The tcp_* settings let the server notice that rpoguard's machine is gone. A statement that is
// ended by idle_session_timeout or transaction_timeout would cost a login each. A database without
// an encoding holds any bytes: sent as UTF-8, those that are none would fail the statement.
constexpr const char* kSession = R"(select pg_catalog.set_config('search_path', 'pg_catalog', false)
, pg_catalog.set_config('default_transaction_isolation', 'read committed', false)
, pg_catalog.set_config('default_transaction_deferrable', 'off', false)
, pg_catalog.set_config('statement_timeout', '@timeout_ms@', false)
, pg_catalog.set_config('lock_timeout', '@lock_ms@', false)
, pg_catalog.set_config('idle_in_transaction_session_timeout', '5000', false)
, pg_catalog.set_config('client_encoding', case
    when pg_catalog.current_setting('server_encoding') operator(pg_catalog.=) 'SQL_ASCII'
    then 'SQL_ASCII' else 'UTF8' end, false)
, pg_catalog.set_config('default_transaction_read_only', 'on', false)
, pg_catalog.set_config('jit', 'off', false)
, pg_catalog.set_config('tcp_keepalives_idle', '10', false)
, pg_catalog.set_config('tcp_keepalives_interval', '5', false)
, pg_catalog.set_config('tcp_keepalives_count', '3', false)
@newer_settings@, @epoch_table_exists@ as epoch_table_exists)";

constexpr std::array kNewerSettings{
    Versioned{170000, R"(, pg_catalog.set_config('idle_session_timeout', '0', false)
, pg_catalog.set_config('transaction_timeout', '0', false)
)"},
    Versioned{140000, ", pg_catalog.set_config('idle_session_timeout', '0', false)\n"},
    Versioned{kServerVersionMin, ""},
};

std::string milliseconds(core::Duration timeout) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  RPOGUARD_CHECK(ms > 0);  // 0 would mean none
  return std::to_string(ms);
}

constexpr const char* kEpochTableExists =
    "pg_catalog.to_regclass('rpoguard.cluster_state') is not null";

// Equal text within a session = nothing was committed, aborted or prepared in between. A prepared
// transaction keeps its place in the snapshot until it is resolved, hence the list.
constexpr std::array kSnapshot{
    Versioned{130000, "pg_catalog.pg_current_snapshot()"},
    Versioned{kServerVersionMin, "pg_catalog.txid_current_snapshot()"},
};

// Whoever may change the row may write anything into it. A moment that no clock shows, such as
// infinity, is the nearest one of 1970 to 2200: none of it may fail the look.
//
// The timeline as a member of the whole row: a table of an earlier script has no such column. It is
// of promoted_epoch, and that may be an earlier one (observe/postgres/migration.cpp).
constexpr const char* kEpochColumns = R"(e.writer_epoch as writer_epoch
  , pg_catalog.left(e.writer_region, 200) as writer_region
  , pg_catalog.left(e.promoted_by, 200) as promoted_by
  , case when e.promoted_at is not null then (extract(epoch from greatest(
      '1970-01-01 00:00:00+00', least('2200-01-01 00:00:00+00', e.promoted_at)))
      * 1000000)::bigint end as promoted_at_us
  , case when (pg_catalog.to_jsonb(e) ->> 'promoted_epoch')::bigint = e.writer_epoch
        and (pg_catalog.to_jsonb(e) ->> 'promoted_timeline')::bigint between 1 and 4294967295
      then (pg_catalog.to_jsonb(e) ->> 'promoted_timeline')::bigint end as promoted_timeline)";
constexpr const char* kNoEpochColumns = R"(null::bigint as writer_epoch
  , null::text as writer_region
  , null::text as promoted_by
  , null::bigint as promoted_at_us
  , null::bigint as promoted_timeline)";
constexpr const char* kEpochJoin = "left join rpoguard.cluster_state e on true";

// What ALTER ROLE and ALTER DATABASE set, in one spelling. A setting for all roles is everybody's,
// also of those whose own one hides nothing from it.
constexpr const char* kCommitLevels = R"(select s.whom, s.level, s.ours
    , pg_catalog.array_position(array['off', 'local', 'remote_write', 'on', 'remote_apply']
        , s.level) as strength
    from (
      select pg_catalog.concat_ws(' in '
        , case when o.setrole <> 0 then 'role ' || pg_catalog.pg_get_userbyid(o.setrole)
            when o.setdatabase = 0 then 'all roles' end
        , 'database ' || b.datname) as whom
      , case pg_catalog.lower(pg_catalog.substr(v.setting, 20))
          when 'true' then 'on' when 'yes' then 'on' when '1' then 'on'
          when 'false' then 'off' when 'no' then 'off' when '0' then 'off'
          else pg_catalog.lower(pg_catalog.substr(v.setting, 20)) end as level
      , (o.setrole <> 0 or o.setdatabase <> 0)
        and (o.setrole = 0 or pg_catalog.pg_get_userbyid(o.setrole) = session_user)
        and (o.setdatabase = 0 or b.datname = pg_catalog.current_database()) as ours
      from pg_catalog.pg_db_role_setting o
      left join pg_catalog.pg_database b on b.oid = o.setdatabase
      cross join lateral pg_catalog.unnest(o.setconfig) v(setting)
      where v.setting ~ '^synchronous_commit=') s)";

constexpr const char* kNoCommitLevels = R"(select null::text as whom, null::text as level
    , null::boolean as ours, null::integer as strength where false)";

// Privilege: pg_monitor (pg_read_all_stats for the walsender, walreceiver and activity functions);
// SELECT on rpoguard.cluster_state. Cost: about 0.1 ms on PostgreSQL 15 with two standbys; it grows
// with the number of walsenders times backends (a comparison each) and of roles with settings,
// never with tables or data. No lock but AccessShare on cluster_state, one row, and two shared
// catalogs.
//
// The innermost level is fenced by OFFSET 0 and evaluated first: role, then the fingerprint of the
// snapshot with the prepared transactions. Only a level further out, and by CASE after looking at
// that fingerprint, is the insert position read: it is an upper bound for every commit the
// fingerprint shows as done. For example, asked at t = 10:00:00:
//   the fingerprint is read: transaction 741 is still running;
//   741 commits, its commit record ends at 0/3000100;
//   the insert position is read: 0/3000120. It covers 741, which the fingerprint has not seen. That
//   only makes the bound larger than needed, and "all that was done at 10:00:00 ends at or before
//   0/3000120" stays true. Read the other way round, the position might be 0/30000F0 and the
//   fingerprint show 741 as done: a bound that leaves out an acknowledged commit.
//
// Functions that fail in (or out of) recovery stand behind CASE or a WHERE on the role read there.
// The receiver's timeline is that of the WAL it received last; with no receiver the control file
// knows. In the receiver's connection string, the server hides what is secret.
constexpr const char* kLight = R"(select n.in_recovery, n.server_version, n.has_monitor
, n.epoch_table_exists, n.system_identifier, n.snapshot, n.insert_lsn, n.flushed_lsn
, n.written_timeline, n.received_timeline, n.receive_lsn, n.replay_lsn, n.replay_paused
, n.streaming, n.last_commit_us, n.server_now_us, n.archiving, n.archived_count, n.failed_count
, n.last_archived_wal, n.wal_segment_bytes, n.synchronous_standby_names
, n.started_us, n.apply_delay_us, n.restores, n.has_target, n.checkpoint_lsn, n.checkpoint_redo
, n.checkpoint_us
, n.receiver_conninfo
, n.synchronous_commit, n.weakest_commit_for, n.weakest_commit, n.synchronous_commit_hidden
, n.writer_epoch, n.writer_region, n.promoted_by, n.promoted_at_us
, n.promoted_timeline
, w.pid as sender_pid, w.logical as sender_logical, w.application_name as sender_name
, w.state as sender_state
, w.sync_state as sender_sync_state, w.flush_lsn as sender_flush_lsn
, w.replay_lsn as sender_replay_lsn
from (
  select p.in_recovery, p.snapshot, i.insert_lsn
  , pg_catalog.current_setting('server_version_num')::integer as server_version
  , pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE') as has_monitor
  , @epoch_table_exists@ as epoch_table_exists
  , (pg_catalog.pg_control_system()).system_identifier as system_identifier
  , case when not p.in_recovery then pg_catalog.pg_current_wal_flush_lsn() end as flushed_lsn
  , case when not p.in_recovery
      then pg_catalog.left(pg_catalog.pg_walfile_name(i.insert_lsn), 8) end as written_timeline
  , case when p.in_recovery then coalesce(r.received_tli
      , greatest((pg_catalog.pg_control_recovery()).min_recovery_end_timeline
               , k.timeline_id)) end as received_timeline
  , k.checkpoint_lsn, k.redo_lsn as checkpoint_redo
  , (extract(epoch from k.checkpoint_time) * 1000000)::bigint as checkpoint_us
  , case when p.in_recovery then pg_catalog.pg_last_wal_receive_lsn() end as receive_lsn
  , case when p.in_recovery then pg_catalog.pg_last_wal_replay_lsn() end as replay_lsn
  , case when p.in_recovery then pg_catalog.pg_is_wal_replay_paused() end as replay_paused
  , case when p.in_recovery then coalesce(r.status = 'streaming', false) end as streaming
  , r.conninfo as receiver_conninfo
  , case when p.in_recovery then (extract(epoch from
      pg_catalog.pg_last_xact_replay_timestamp()) * 1000000)::bigint end as last_commit_us
  , (extract(epoch from pg_catalog.clock_timestamp()) * 1000000)::bigint as server_now_us
  , (extract(epoch from pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint as started_us
  , (extract(epoch from pg_catalog.current_setting('recovery_min_apply_delay')::interval)
      * 1000000)::bigint as apply_delay_us
  , pg_catalog.current_setting('restore_command') <> '' as restores
  , pg_catalog.concat(pg_catalog.current_setting('recovery_target')
      , pg_catalog.current_setting('recovery_target_lsn')
      , pg_catalog.current_setting('recovery_target_name')
      , pg_catalog.current_setting('recovery_target_time')
      , pg_catalog.current_setting('recovery_target_xid')) <> '' as has_target
  , pg_catalog.current_setting('archive_mode') <> 'off' as archiving
  , a.archived_count, a.failed_count, a.last_archived_wal
  , pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) as wal_segment_bytes
  , pg_catalog.current_setting('synchronous_standby_names') as synchronous_standby_names
  , pg_catalog.current_setting('synchronous_commit') as synchronous_commit
  , c.weakest_commit_for, c.weakest_commit, c.synchronous_commit_hidden
  , @epoch_columns@
  from (
    select f.in_recovery
    , case when not f.in_recovery then @snapshot@::text || '|' || coalesce(
        (select pg_catalog.string_agg(x.transaction::text, ',' order by x.transaction::text)
         from pg_catalog.pg_prepared_xact() x), '') end as snapshot
    from (select pg_catalog.pg_is_in_recovery() as in_recovery offset 0) f
    offset 0) p
  cross join lateral (
    select case when not p.in_recovery and p.snapshot is not null
      then pg_catalog.pg_current_wal_insert_lsn() end as insert_lsn offset 0) i
  cross join lateral pg_catalog.pg_control_checkpoint() k
  left join lateral (
    select g.status, g.received_tli, g.conninfo from pg_catalog.pg_stat_get_wal_receiver() g
    where p.in_recovery) r on true
  left join lateral (
    select g.archived_count, g.failed_count, g.last_archived_wal
    from pg_catalog.pg_stat_get_archiver() g
    where pg_catalog.current_setting('archive_mode') <> 'off') a on true
  left join lateral (
    select (pg_catalog.array_agg(g.whom order by g.strength, g.whom))[1] as weakest_commit_for
    , (pg_catalog.array_agg(g.level order by g.strength, g.whom))[1] as weakest_commit
    , coalesce(pg_catalog.bool_or(g.ours), false) as synchronous_commit_hidden
    from (@commit_levels@) g where not p.in_recovery) c on true
  @epoch_join@
  offset 0) n
left join lateral (
  select s.pid, b.datid is not null as logical, b.application_name, s.state, s.sync_state
  , s.flush_lsn, s.replay_lsn
  from pg_catalog.pg_stat_get_wal_senders() s
  left join lateral pg_catalog.pg_stat_get_activity(s.pid) b on true
  where not n.in_recovery limit @senders_max@) w on true)";

// Asked after a light statement that could not have its lock. Whoever has one of these relations
// locked for himself, or asked for that before, lets readers wait, and those who change it. An
// index counts as its table: the planner opens all of them. Privilege: pg_monitor (names of
// others). Cost: one pass over the lock table; only while the lock lasts.
constexpr const char* kLock = R"(with locks as (
  select l.pid, l.granted, l.virtualtransaction, l.mode, l.relation
  , coalesce('pid ' || l.pid, 'a prepared transaction')
      || coalesce(' (' || nullif(pg_catalog.concat_ws(', '
        , nullif(pg_catalog.pg_get_userbyid(a.usesysid), '')
        , nullif(a.application_name, '')), '') || ')', '') as who
  from pg_catalog.pg_lock_status() l
  left join lateral pg_catalog.pg_stat_get_activity(l.pid) a on a.pid = l.pid
  where l.locktype = 'relation' and l.database = @database@
    and l.relation in (
      select t.oid from pg_catalog.unnest(@tables@) t(oid) union all
      select x.indexrelid from pg_catalog.pg_index x where x.indrelid = any (@tables@)))
select b.virtualtransaction as transaction
, b.who || case when b.granted then ' has it locked' else ' waits to lock it, behind '
    || coalesce((select pg_catalog.string_agg(h.who, ' and ' order by h.pid) from locks h
      where h.granted and h.relation = b.relation), 'others') end as holder
from locks b where b.mode = 'AccessExclusiveLock' order by b.granted desc, b.pid limit 1)";

// Not by pg_database, which may be locked itself.
constexpr const char* kThisDatabase =
    "(select s.datid from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) s)";
constexpr const char* kEpochTables = "array[pg_catalog.to_regclass('rpoguard.cluster_state')::oid]";
constexpr const char* kSettingsTables = R"(array[
      pg_catalog.to_regclass('pg_catalog.pg_db_role_setting')::oid
      , pg_catalog.to_regclass('pg_catalog.pg_database')::oid])";

std::string lock_sql(const char* database, const char* tables) {
  return base::replace_all(base::replace_all(kLock, "@database@", database), "@tables@", tables);
}

// The questions that follow a light statement only when there is something to ask.
//
// The checkpointer is started anew with every life of the backends, under one postmaster, too.
// Privilege: pg_monitor. Cost: one pass over the backends, once per session.
constexpr const char* kBackends = R"(select (extract(epoch from a.backend_start)
  * 1000000)::bigint as backends_started_us
from pg_catalog.pg_stat_get_activity(null) a where a.backend_type = 'checkpointer')";

// What has the names of the marks may be anybody's who may create in that schema: rpoguard reads
// and calls only what belongs to the schema's owner. Privilege: none. Cost: a few rows of the
// catalogs; once per session, where there are marks.
constexpr const char* kMarkObjects = R"(with objects as (
  select 1 as place, 'table rpoguard.run_mark' as name, n.nspowner as master
  , c.oid is not null as made, c.relowner as owner, c.relkind = 'r' as fits
  , pg_catalog.has_table_privilege(c.oid, 'SELECT') as granted
  , 'select on rpoguard.run_mark' as privilege
  from pg_catalog.pg_namespace n
  left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'run_mark'
  where n.nspname = 'rpoguard'
  union all
  select 2, 'sequence rpoguard.run_seal', n.nspowner, c.oid is not null, c.relowner, c.relkind = 'S'
  , pg_catalog.has_table_privilege(c.oid, 'SELECT'), 'select on rpoguard.run_seal'
  from pg_catalog.pg_namespace n
  left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'run_seal'
  where n.nspname = 'rpoguard'
  union all
  select 3, 'function rpoguard.mark_run()', n.nspowner, p.oid is not null, p.proowner, p.prosecdef
  , pg_catalog.has_function_privilege(p.oid, 'EXECUTE'), 'execute on function rpoguard.mark_run()'
  from pg_catalog.pg_namespace n
  left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = 'mark_run'
    and p.pronargs = 0
  where n.nspname = 'rpoguard')
select coalesce(pg_catalog.bool_or(o.place = 1 and o.made), false) as there
, pg_catalog.string_agg(case
    when not o.made then o.name || ' is missing: apply what rpoguard sql --with-marks prints'
    when o.owner <> o.master then o.name || ' belongs to ' || pg_catalog.pg_get_userbyid(o.owner)
      || ', and the schema to ' || pg_catalog.pg_get_userbyid(o.master)
      || ': find out who made it, and drop it'
    when not o.fits then o.name || ' is not what rpoguard sql --with-marks makes'
    when not o.granted then 'grant ' || o.privilege || ' to '
      || pg_catalog.quote_ident(current_user) end, '; ' order by o.place) as problem
from objects o)";

// The row that the seal belongs to (observe/postgres/migration.cpp says why there is one).
// Privilege: what `rpoguard sql --with-marks` grants. Cost: one row; per look only until the mark
// of the writer's run is there.
constexpr const char* kLastMark = R"(select m.timeline
, (extract(epoch from m.postmaster_started) * 1000000)::bigint as started_us
, (extract(epoch from m.backends_started) * 1000000)::bigint as backends_started_us
, m.lsn, (extract(epoch from m.written_at) * 1000000)::bigint as written_us
from rpoguard.run_seal s join rpoguard.run_mark m on m.seal = s.last_value)";

// One message without BEGIN is one transaction, and a refusal leaves none open.
// Privilege: as above. Cost: one row, once per run of the writer.
constexpr const char* kMarkRun = R"(set local transaction_read_only = off;
set local statement_timeout = @timeout_ms@;
set local lock_timeout = @lock_ms@;
set local synchronous_commit = off;
select rpoguard.mark_run() as added)";

// Privilege: EXECUTE on the function, which `rpoguard sql` makes. Cost: one small file.
constexpr const char* kHistory = "select rpoguard.timeline_history(@timeline@) as history";
// Privilege: pg_monitor. Cost: grows with an archive backlog; statement_timeout bounds it.
constexpr const char* kReady = R"(select pg_catalog.count(*)::bigint as files
, pg_catalog.min(d.name) filter (where d.name ~ '^[0-9A-F]{24}[.]ready$') as oldest
from pg_catalog.pg_ls_archive_statusdir() d where d.name like '%.ready')";

// Asked after a refusal. By the catalogs alone, which anybody may read: the text of a refusal is
// translated and names no grant. A function of the light statement may have been taken from public.
// A role that is a member, and does not inherit, has none of the rights: before 16 that is a matter
// of the role, since then of each membership. Privilege: none.
constexpr const char* kMissingGrants = R"(select pg_catalog.string_agg(
  pg_catalog.format(g.statement, g.object, current_user), '; ' order by g.place)
from (
  select 1 as place, case
      when not pg_catalog.pg_has_role(current_user, 'pg_monitor', 'MEMBER')
        then 'grant pg_monitor%s to %I'
      when pg_catalog.current_setting('server_version_num')::integer >= 160000
        then 'grant pg_monitor%s to %I with inherit true'
      else 'alter role%s %I inherit' end as statement, '' as object
  where not pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE')
  union all
  select 2, 'grant usage on schema %s to %I', n.nspname::text
  from pg_catalog.pg_namespace n
  where n.nspname = 'rpoguard' and not pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  union all
  select 3, 'grant select on %s to %I', 'rpoguard.' || c.relname
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'rpoguard' and c.relname = 'cluster_state'
    and not pg_catalog.has_table_privilege(c.oid, 'SELECT')
  union all
  select 4, 'grant execute on function %s to %I', p.oid::regprocedure::text
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where (n.nspname = 'rpoguard' and p.proname = 'timeline_history'
      or n.nspname = 'pg_catalog' and p.proname in (
        'pg_control_system', 'pg_control_checkpoint', 'pg_control_recovery'))
    and not pg_catalog.has_function_privilege(p.oid, 'EXECUTE')) g)";

// Privilege: none. Cost: once per endpoint interval. A pooler may stand in between, whose sessions
// are not ours to set up: so every name and every operator has its schema. One that somebody has
// made for the very types at hand, in any schema of the search_path, would else be called with our
// rights.
constexpr const char* kEndpoint = R"(select (pg_catalog.pg_control_system()).system_identifier
, f.in_recovery
, case when f.in_recovery
    then greatest((pg_catalog.pg_control_recovery()).min_recovery_end_timeline
                , (pg_catalog.pg_control_checkpoint()).timeline_id)::bigint
    else ('x' operator(pg_catalog.||) pg_catalog.left(pg_catalog.pg_walfile_name(
      pg_catalog.pg_current_wal_insert_lsn()), 8))::bit(32)::bigint end as timeline
, (extract(epoch from pg_catalog.pg_postmaster_start_time())
    operator(pg_catalog.*) 1000000)::bigint as started_us
from (select pg_catalog.pg_is_in_recovery() as in_recovery offset 0) f)";

// Privilege: what `rpoguard sql --with-canary` grants. Cost: one row, one commit. One message, so
// that nothing is left open when rpoguard goes away in between, and no setting stays with a pooler.
constexpr const char* kCanary = R"(begin isolation level read committed, read write, not deferrable;
set local statement_timeout = 0;
set local search_path = pg_catalog, pg_temp;
set local lock_timeout = @timeout_ms@;
insert into rpoguard.canary as c (name, written_at, counter)
values (@name@, pg_catalog.clock_timestamp(), 1)
on conflict (name) do update set written_at = excluded.written_at
, counter = c.counter operator(pg_catalog.+) 1;
commit)";

constexpr std::array kSafeWalSize{
    Versioned{130000, "s.safe_wal_size"},
    Versioned{kServerVersionMin, "null::bigint"},
};

constexpr std::array kSlotLost{
    Versioned{130000, "s.wal_status = 'lost'"},
    Versioned{kServerVersionMin, "null::boolean"},
};

// Privilege: pg_monitor (activity of others). Cost: one pass over the backends and the slots. No
// locks on relations.
constexpr const char* kSlow = R"(select 'connections' as kind, coalesce(a.state, 'other') as name
, null::boolean as logical, null::boolean as active
, pg_catalog.count(*)::bigint as value, null::bigint as safe_bytes, null::boolean as lost
from pg_catalog.pg_stat_get_activity(null) a
where a.backend_type = 'client backend' group by 2
union all
select 'connections_limit', null, null, null
, pg_catalog.current_setting('max_connections')::bigint, null, null
union all
select 'wal_writer_delay', null, null, null
, (extract(epoch from pg_catalog.current_setting('wal_writer_delay')::interval) * 1000)::bigint
, null, null
union all
(select 'slot', s.slot_name::text, s.slot_type = 'logical', s.active
, pg_catalog.pg_wal_lsn_diff(h.head, case when s.slot_type = 'logical'
    then s.confirmed_flush_lsn else s.restart_lsn end)::bigint
, @safe_wal_size@
, @lost@
from (select case when pg_catalog.pg_is_in_recovery() then coalesce(
    pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
    else pg_catalog.pg_current_wal_insert_lsn() end as head offset 0) h
cross join pg_catalog.pg_get_replication_slots() s limit @slots_max@))";

}  // namespace

std::string in_own_transaction(const std::string& sql) {
  return kOwnTransaction + sql;
}

std::string backend_sql() {
  return in_own_transaction(kBackend);
}

std::string session_sql(int server_version, core::Duration statement_timeout,
                        EpochTable epoch_table) {
  const bool ask = epoch_table != EpochTable::ignored;
  std::string sql = base::replace_all(kSession, "@timeout_ms@", milliseconds(statement_timeout));
  // So that there is time left in a look for what needs no lock.
  const auto for_lock =
      std::max<core::Duration>(statement_timeout / 4, std::chrono::milliseconds(1));
  sql = base::replace_all(sql, "@lock_ms@", milliseconds(for_lock));
  sql = base::replace_all(sql, "@newer_settings@", pick(kNewerSettings, server_version));
  return in_own_transaction(
      base::replace_all(sql, "@epoch_table_exists@", ask ? kEpochTableExists : "false"));
}

std::string light_sql(int server_version, EpochTable epoch_table, CommitLevels commit_levels) {
  const bool ask = epoch_table != EpochTable::ignored;
  const bool read = epoch_table == EpochTable::present;
  std::string sql = base::replace_all(kLight, "@snapshot@", pick(kSnapshot, server_version));
  sql = base::replace_all(sql, "@epoch_table_exists@", ask ? kEpochTableExists : "false");
  sql = base::replace_all(sql, "@commit_levels@",
                          commit_levels == CommitLevels::asked ? kCommitLevels : kNoCommitLevels);
  sql = base::replace_all(sql, "@epoch_columns@", read ? kEpochColumns : kNoEpochColumns);
  sql = base::replace_all(sql, "@epoch_join@", read ? kEpochJoin : "");
  return base::replace_all(sql, "@senders_max@", std::to_string(core::limits::kReplicationRowsMax));
}

std::string epoch_lock_sql() {
  return lock_sql(kThisDatabase, kEpochTables);
}

// Shared catalogs are in no database.
std::string settings_lock_sql() {
  return lock_sql("0", kSettingsTables);
}

std::string slow_sql(int server_version) {
  std::string sql = base::replace_all(kSlow, "@safe_wal_size@", pick(kSafeWalSize, server_version));
  sql = base::replace_all(sql, "@lost@", pick(kSlotLost, server_version));
  return base::replace_all(sql, "@slots_max@", std::to_string(core::limits::kSlotsMax));
}

std::string history_sql(core::Timeline timeline) {
  return base::replace_all(kHistory, "@timeline@", std::to_string(timeline.value));
}

std::string missing_grants_sql() {
  return kMissingGrants;
}

std::string backends_sql() {
  return kBackends;
}

std::string marks_sql() {
  return kMarkObjects;
}

std::string last_mark_sql() {
  return kLastMark;
}

std::string mark_run_sql(core::Duration timeout) {
  const auto lock_timeout = std::max<core::Duration>(timeout / 2, std::chrono::milliseconds(1));
  return base::replace_all(base::replace_all(kMarkRun, "@timeout_ms@", milliseconds(timeout)),
                           "@lock_ms@", milliseconds(lock_timeout));
}

std::string ready_sql() {
  return kReady;
}

std::string endpoint_sql() {
  return in_own_transaction(kEndpoint);
}

std::string canary_sql(const std::string& name, core::Duration lock_timeout) {
  const std::string sql = base::replace_all(kCanary, "@timeout_ms@", milliseconds(lock_timeout));
  return base::replace_all(sql, "@name@", quoted_literal(name));  // last: it may contain anything
}

}  // namespace rpoguard::observe
