#include "tests/support/hostile_objects.hpp"

namespace rpoguard::test {
namespace {

// Types last: what is made after them would be of them.
constexpr const char* kPlant = R"(
set search_path = pg_catalog;
do $plant$
declare
  bait constant text := ' language plpgsql as $b$begin raise exception ''baited''; end$b$';
  one record;
  known text;
begin
  for one in
    select distinct p.proname as name
    , replace((select string_agg(format_type(t, null), ', ' order by place)
               from unnest(p.proargtypes::oid[]) with ordinality a(t, place)
               where p.provariadic <> '"any"'::regtype or place < cardinality(p.proargtypes::oid[]))
             , '"any"', 'anyelement') as arguments
    , p.provariadic = '"any"'::regtype as any_number
    from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f'
  loop
    begin
      execute format('create function public.%I(%s) returns text%s', one.name
        , concat_ws(', ', one.arguments, case when one.any_number then 'variadic text[]' end)
        , bait);
    exception when others then null;  -- of types that no such function can have
    end;
  end loop;
  for one in
    select o.oid, o.oprname as name, format_type(nullif(o.oprleft, 0), null) as l
    , format_type(o.oprright, null) as r
    from pg_operator o where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprright <> 0
  loop
    begin
      execute format('create function public.bait_%s(%s) returns boolean%s', one.oid
        , concat_ws(', ', one.l, one.r), bait);
      execute format('create operator public.%s (procedure = public.bait_%s, %s rightarg = %s)'
        , one.name, one.oid, 'leftarg = ' || one.l || ',', one.r);
    exception when others then null;
    end;
  end loop;
  for one in
    select c.relname as name from pg_class c
    where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind in ('r', 'v')
  loop
    execute format('create table public.%I ()', one.name);
  end loop;
  create function public.bait() returns boolean language plpgsql
    as $b$begin raise exception 'baited'; end$b$;
  foreach known in array array['text', 'name', 'oid', 'json', 'jsonb', 'regclass', 'regrole',
    'regprocedure', 'regnamespace', 'pg_lsn', 'xid', 'timestamptz', 'int4', 'int8', 'float8',
    'bool']
  loop
    execute format('create domain public.%I as pg_catalog.%1$I check (public.bait())', known);
  end loop;
end
$plant$;
)";

}  // namespace

void plant_hostile_objects(const Server& server, const std::string& dbname) {
  server.exec(
      "do $$ begin if to_regrole('mallory') is null then create role mallory login; "
      "end if; end $$");
  const std::string there = "select count(*) from pg_database where datname = '" + dbname + "'";
  if (server.query(there) == "0") server.exec("create database " + dbname);
  server.exec("alter database " + dbname + " owner to mallory");
  Session owner = server.connect(dbname);
  owner.rows("grant all on schema public to mallory");
  Session mallory(server.conninfo(dbname, "mallory"));
  mallory.rows(kPlant);
  mallory.rows("alter database " + dbname + " set search_path = public, pg_catalog");
}

}  // namespace rpoguard::test
