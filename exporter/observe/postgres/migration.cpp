#include "exporter/observe/postgres/migration.hpp"

#include <algorithm>
#include <string_view>

#include "exporter/base/check.hpp"
#include "exporter/base/text.hpp"
#include "exporter/observe/postgres/migration_guard.hpp"
#include "exporter/observe/postgres/sql_text.hpp"

namespace rpoguard::observe {

namespace {

constexpr std::size_t kIdentifierBytesMax = 63;

// @role@ is a checked identifier, @region@ a quoted literal. Neither stands in a comment or between
// dollar quotes.
constexpr std::string_view kScript = R"(-- rpoguard: prepares one PostgreSQL cluster (one shard).
--
-- Run it with psql as a superuser on the writer, in the database that rpoguard connects to. It
-- replicates to the standbys. Running it again changes nothing.
--
-- It makes
--   the role rpoguard connects as (pg_monitor; @rights@),
--   the table rpoguard.cluster_state: who may write, as a number that only rises,
--   the function rpoguard.cluster_promote(region, operator, above) that raises it,
--   the function rpoguard.timeline_history(timeline): where its WAL left another's@about@.
-- The role gets no password here. Give it one:  \password @role@
\set ON_ERROR_STOP on
begin;
set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;
-- Must not wait for a standby that may be gone.
set local synchronous_commit = local;
-- Nor for somebody who keeps a table open: rpoguard's looks would wait behind.
set local lock_timeout = '1s';

do $rpoguard$
begin
  if pg_is_in_recovery() then
    raise exception 'this server is a standby: run the script on the writer';
  end if;
  if not exists (select from pg_roles where rolname = '@role@') then
    create role "@role@" login;
  end if;
  execute format('grant connect on database %I to %I', current_database(), '@role@');
end
$rpoguard$;
@guard@
create schema if not exists rpoguard;

-- One row. A node that accepts writes with a lower writer_epoch than another node's is a stale
-- writer and is fenced.
create table if not exists rpoguard.cluster_state (
  id boolean primary key default true check (id),
  writer_epoch bigint not null check (writer_epoch >= 0),
  writer_region text not null check (writer_region <> ''),
  promoted_by text,
  promoted_at timestamptz
);

-- On which timeline promoted_epoch was stamped. A server that shows its writer_epoch with another
-- timeline than its own was promoted since, and nobody has stamped that. Not known where
-- promoted_epoch is another one than writer_epoch, as an earlier script's function leaves it.
do $rpoguard$
begin
  if not exists (
    select from pg_attribute
    where attrelid = 'rpoguard.cluster_state'::regclass and attname = 'promoted_timeline'
      and not attisdropped)
  then
    alter table rpoguard.cluster_state
      add column promoted_epoch bigint, add column promoted_timeline bigint;
  end if;
end
$rpoguard$;

insert into rpoguard.cluster_state (writer_epoch, writer_region, promoted_epoch, promoted_timeline)
values (1, @region@, 1,
  ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint)
on conflict (id) do nothing;

-- Call it once on the server that was promoted, after the promotion. Returns the new epoch, which
-- is this call's alone: one more than this server's own, and than `above`. Give the highest epoch
-- that rpoguard has seen (rpoguard status prints the statement): a server that was restored, or
-- promoted apart from others, does not know of every stamp. Grant EXECUTE to those who may decide
-- on a failover; nobody else needs a privilege on the table.
create or replace function rpoguard.cluster_promote(
  region text, operator text, above bigint default null)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $rpoguard$
declare
  blank constant text := E' \t\n\x0B\f\r';
  new_epoch bigint;
begin
  if pg_is_in_recovery() then
    raise exception 'cannot stamp a promotion: this server is in recovery'
      using errcode = 'object_not_in_prerequisite_state',
            hint = 'promote this server first, or call the function on the one that was promoted';
  end if;
  region := btrim(region, blank);
  operator := btrim(operator, blank);
  -- A region that no configuration can name would fence every server. The second list has what
  -- nobody can see.
  if coalesce(region, '') = '' or region collate "C" ~ E'[[:space:][:cntrl:]/?#]'
    or (getdatabaseencoding() = 'UTF8' and region collate "C" ~ (
      E'[\\u0080-\\u00A0\\u00AD\\u1680\\u180E\\u2000-\\u200F\\u2028-\\u202F\\u205F-\\u206F' ||
      E'\\u3000\\uFE00-\\uFE0F\\uFEFF\\uFFF0-\\uFFFF\\U000E0000-\\U0010FFFF]'))
  then
    raise exception 'cannot stamp a promotion: the region must not be empty, nor hold white space, '
      'control characters, /, ? or #; it is %', coalesce(to_json(region)::text, 'null')
      using errcode = 'invalid_parameter_value',
            hint = 'give the region of this server as the configuration of rpoguard names it';
  end if;
  if coalesce(operator, '') = '' or operator collate "C" ~ E'[[:cntrl:]]' then
    raise exception 'cannot stamp a promotion: the operator must not be empty, nor hold control '
      'characters; it is %', coalesce(to_json(operator)::text, 'null')
      using errcode = 'invalid_parameter_value',
            hint = 'give the name of whoever answers for this promotion';
  end if;
  -- Beyond that, a slip of the hand would leave no number for the next promotion.
  if above not between 0 and 1000000000000000000 then
    raise exception 'cannot stamp a promotion: above must be from 0 to 10^18; it is %', above
      using errcode = 'invalid_parameter_value',
            hint = 'give the highest epoch that rpoguard status shows';
  end if;
  -- Until the end of the transaction: right after a failover the synchronous standby may not exist,
  -- and the commit must not wait for it. (A SET clause of the function would end before it.)
  perform set_config('synchronous_commit', 'local', true);
  update rpoguard.cluster_state
  set writer_epoch = greatest(writer_epoch, cluster_promote.above) + 1,
      writer_region = cluster_promote.region,
      promoted_by = cluster_promote.operator,
      promoted_at = clock_timestamp(),
      promoted_epoch = greatest(writer_epoch, cluster_promote.above) + 1,
      promoted_timeline =
        ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint
  returning writer_epoch into new_epoch;
  if new_epoch is null then
    raise exception 'cannot stamp a promotion: rpoguard.cluster_state has no row'
      using hint = 'run the script that rpoguard sql prints';
  end if;
  return new_epoch;
end
$rpoguard$;

-- Exactly one function of that name: beside one of an earlier script, a call with two arguments
-- would be ambiguous. Whoever owned the earlier one, or might execute it, does so with this one.
do $rpoguard$
declare
  promote constant text := 'function rpoguard.cluster_promote(text, text, bigint)';
  earlier record;
  role record;
begin
  for earlier in
    select oid::regprocedure as name, proowner::regrole as owner, proacl from pg_proc
    where pronamespace = 'rpoguard'::regnamespace and proname = 'cluster_promote'
      and oid <> 'rpoguard.cluster_promote(text, text, bigint)'::regprocedure
  loop
    execute format('alter %s owner to %s', promote, earlier.owner);
    for role in
      select grantee::regrole as name, bool_or(is_grantable) as grants
      from aclexplode(earlier.proacl)
      where grantee not in (0, earlier.owner) group by grantee
    loop
      execute format('grant execute on %s to %s%s', promote, role.name,
        case when role.grants then ' with grant option' else '' end);
    end loop;
    execute format('drop routine %s', earlier.name);
  end loop;
end
$rpoguard$;

-- The .history file of a timeline, and no other file; '' for timeline 1, which has none; null where
-- this server has no such file. In the escape form, as a restore point may have any name in it.
create or replace function rpoguard.timeline_history(timeline integer)
returns text
language sql
stable
strict
security definer
set search_path = pg_catalog, pg_temp
as $rpoguard$
  select case when timeline = 1 then '' else encode(pg_read_binary_file('pg_wal/' ||
    lpad(upper(to_hex(timeline)), 8, '0') || '.history', 0, 1048576, true), 'escape') end
$rpoguard$;

revoke all on function rpoguard.cluster_promote(text, text, bigint) from public;
revoke all on function rpoguard.timeline_history(integer) from public;
grant pg_monitor to "@role@";
grant usage on schema rpoguard to "@role@";
grant select on rpoguard.cluster_state to "@role@";
grant execute on function rpoguard.timeline_history(integer) to "@role@";
@canary@@marks@commit;
)";

constexpr std::string_view kReadsOne = "SELECT on one table";
constexpr std::string_view kReadsMarks = "SELECT on two tables and a sequence";
constexpr std::string_view kWritesNothing = "; it writes nothing";
constexpr std::string_view kWritesCanary = "; it writes only rpoguard.canary";
constexpr std::string_view kWritesMarks = "; it writes only by rpoguard.mark_run()";
constexpr std::string_view kWritesBoth =
    "; it writes only rpoguard.canary, and by rpoguard.mark_run()";
constexpr std::string_view kCanaryAbout = R"(,
--   the table rpoguard.canary: what rpoguard commits through the writer endpoint)";
constexpr std::string_view kCanary = R"(
-- One row for each shard. With writer_endpoint.canary, rpoguard commits to it as any client would:
-- commits can hang while reads go on. What it holds means nothing and may be deleted.
create table if not exists rpoguard.canary (
  name text primary key,
  written_at timestamptz not null,
  counter bigint not null
);
grant select, insert, update on rpoguard.canary to "@role@";
)";

constexpr std::string_view kMarksAbout = R"(,
--   the table rpoguard.run_mark with the sequence rpoguard.run_seal: one row for each run of the
--     writer, which tells the copies that hold its WAL,
--   the function rpoguard.mark_run(), by which rpoguard adds that row)";

// A page of the table may come to a copy that has not replayed the mark: VACUUM, or a first change
// after a checkpoint, sends the page as it is. The value of a sequence comes to a copy only by the
// record that set it (nothing else ever writes that page), so it seals the row.
constexpr std::string_view kMarks = R"(
-- Marks: one row for each run of the writer (one life of its backends), never changed. A copy that
-- has the row has replayed this run's WAL where it was written. The sequence is the seal: a page of
-- the table may reach a copy later than the row's own WAL, the value of a sequence may not.
do $rpoguard$
declare
  other record;
begin
  for other in
    select m.name, m.owner::regrole as owner, n.nspowner::regrole as schema_owner
    from pg_namespace n, lateral (
      select oid::regclass::text as name, relowner as owner from pg_class
      where relnamespace = n.oid and relname in ('run_mark', 'run_seal')
      union all
      select oid::regprocedure::text, proowner from pg_proc
      where pronamespace = n.oid and proname = 'mark_run') m
    where n.nspname = 'rpoguard' and m.owner <> n.nspowner
  loop
    raise exception '% belongs to %, and the schema rpoguard to %',
      other.name, other.owner, other.schema_owner
      using errcode = 'object_not_in_prerequisite_state',
            hint = 'find out who made it, and drop it';
  end loop;
end
$rpoguard$;

create table if not exists rpoguard.run_mark (
  timeline bigint not null,
  postmaster_started timestamptz not null,
  backends_started timestamptz not null,
  lsn pg_lsn not null,  -- the mark stands before it
  written_at timestamptz not null,
  seal bigint not null unique,
  primary key (timeline, postmaster_started, backends_started)
);
create sequence if not exists rpoguard.run_seal;

-- Adds the row of the run that is now on; false: it was there.
create or replace function rpoguard.mark_run()
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $rpoguard$
declare
  postmaster constant timestamptz := pg_postmaster_start_time();
  backends constant timestamptz := (
    select backend_start from pg_stat_get_activity(null) where backend_type = 'checkpointer');
  line bigint;
  written timestamptz;
  number bigint;
begin
  if pg_is_in_recovery() then
    raise exception 'cannot mark a run: this server is in recovery'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  if backends is null then
    raise exception 'cannot mark a run: the server does not tell when its backends were started'
      using errcode = 'object_not_in_prerequisite_state',
            hint = 'the owner of this function needs pg_read_all_stats';
  end if;
  line := ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint;
  -- One at a time: the first one counts.
  lock table rpoguard.run_mark in share row exclusive mode;
  if exists (
    select from rpoguard.run_mark m where m.timeline = line
      and m.postmaster_started = postmaster and m.backends_started = backends)
  then
    return false;
  end if;
  written := clock_timestamp();
  number := (extract(epoch from written) * 1000000)::bigint;
  perform setval('rpoguard.run_seal', number);
  insert into rpoguard.run_mark
  values (line, postmaster, backends, pg_current_wal_insert_lsn(), written, number);
  return true;
end
$rpoguard$;

-- Of the schema's owner, who may be another than whoever runs this.
do $rpoguard$
declare
  master constant regrole := (select nspowner from pg_namespace where nspname = 'rpoguard');
begin
  execute format('alter table rpoguard.run_mark owner to %s', master);
  execute format('alter sequence rpoguard.run_seal owner to %s', master);
  execute format('alter function rpoguard.mark_run() owner to %s', master);
end
$rpoguard$;
revoke all on function rpoguard.mark_run() from public;
grant select on rpoguard.run_mark, rpoguard.run_seal to "@role@";
grant execute on function rpoguard.mark_run() to "@role@";
)";

std::string rights_of(Canary canary, Marks marks) {
  const bool writes_canary = canary == Canary::with_table;
  const bool writes_marks = marks == Marks::with_table;
  const std::string_view writes = writes_canary && writes_marks ? kWritesBoth
                                  : writes_canary               ? kWritesCanary
                                  : writes_marks                ? kWritesMarks
                                                                : kWritesNothing;
  return std::string(writes_marks ? kReadsMarks : kReadsOne).append(writes);
}

}  // namespace

bool is_plain_identifier(std::string_view text) {
  const auto plain = [](char c) {
    return base::is_lower_letter(c) || c == '_' || base::is_digit(c);
  };
  return !text.empty() && text.size() <= kIdentifierBytesMax && !base::is_digit(text.front()) &&
         std::ranges::all_of(text, plain);
}

bool is_role_name(std::string_view text) {
  return is_plain_identifier(text) && text != "public" && text != "none" &&
         !text.starts_with("pg_");
}

std::string render_migration(const std::string& role, const std::string& home_region, Canary canary,
                             Marks marks) {
  RPOGUARD_CHECK(is_role_name(role));
  RPOGUARD_CHECK(home_region.find('\0') == std::string::npos);
  const bool with = canary == Canary::with_table;
  const bool with_marks = marks == Marks::with_table;
  std::string script = base::replace_all(kScript, "@guard@", migration_guard(with_marks));
  script = base::replace_all(script, "@canary@", with ? kCanary : "");
  script = base::replace_all(script, "@marks@", with_marks ? kMarks : "");
  script = base::replace_all(
      script, "@about@",
      std::string(with ? kCanaryAbout : "") + std::string(with_marks ? kMarksAbout : ""));
  script = base::replace_all(script, "@rights@", rights_of(canary, marks));
  // The region last: whatever it contains is not looked at again.
  return base::replace_all(base::replace_all(script, "@role@", role), "@region@",
                           quoted_literal(home_region));
}

}  // namespace rpoguard::observe
