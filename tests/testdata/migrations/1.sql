-- rpoguard: prepares one PostgreSQL cluster (one shard).
--
-- Run it with psql as a superuser on the writer, in the database that rpoguard connects to. It
-- replicates to the standbys. Running it again changes nothing.
--
-- It makes
--   the role rpoguard connects as (pg_monitor, and SELECT on one table; no write privilege),
--   the table rpoguard.cluster_state: who may write, as a number that only rises,
--   the function rpoguard.cluster_promote(region, operator) that raises it by one.
-- The role gets no password here. Give it one:  \password rpoguard
\set ON_ERROR_STOP on
begin;
set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;
-- Must not wait for a standby that may be gone.
set local synchronous_commit = local;

do $rpoguard$
begin
  if pg_is_in_recovery() then
    raise exception 'this server is a standby: run the script on the writer';
  end if;
  if not exists (select from pg_roles where rolname = 'rpoguard') then
    create role "rpoguard" login;
  end if;
  execute format('grant connect on database %I to %I', current_database(), 'rpoguard');
end
$rpoguard$;

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

insert into rpoguard.cluster_state (writer_epoch, writer_region)
values (1, E'iad')
on conflict (id) do nothing;

-- Call it once on the server that was promoted, after the promotion. Returns the new epoch, which
-- is this call's alone. Grant EXECUTE to those who may decide on a failover; nobody else needs a
-- privilege on the table.
create or replace function rpoguard.cluster_promote(region text, operator text)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $rpoguard$
declare
  new_epoch bigint;
begin
  if pg_is_in_recovery() then
    raise exception 'cannot stamp a promotion: this server is in recovery'
      using errcode = 'object_not_in_prerequisite_state',
            hint = 'promote this server first, or call the function on the one that was promoted';
  end if;
  if coalesce(region, '') = '' then
    raise exception 'cannot stamp a promotion: the region is missing'
      using errcode = 'null_value_not_allowed';
  end if;
  -- Until the end of the transaction: right after a failover the synchronous standby may not exist,
  -- and the commit must not wait for it. (A SET clause of the function would end before the commit.)
  perform set_config('synchronous_commit', 'local', true);
  update rpoguard.cluster_state
  set writer_epoch = writer_epoch + 1,
      writer_region = cluster_promote.region,
      promoted_by = cluster_promote.operator,
      promoted_at = clock_timestamp()
  returning writer_epoch into new_epoch;
  if new_epoch is null then
    raise exception 'cannot stamp a promotion: rpoguard.cluster_state has no row'
      using hint = 'run the script that rpoguard sql prints';
  end if;
  return new_epoch;
end
$rpoguard$;

revoke all on function rpoguard.cluster_promote(text, text) from public;
grant pg_monitor to "rpoguard";
grant usage on schema rpoguard to "rpoguard";
grant select on rpoguard.cluster_state to "rpoguard";
commit;
