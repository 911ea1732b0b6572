#include "exporter/observe/postgres/migration_guard.hpp"

#include <string_view>

#include "exporter/base/text.hpp"

namespace rpoguard::observe {
namespace {

// Dependencies on what initdb made are not recorded, so each that is found was made by somebody.
constexpr std::string_view kGuard = R"(
-- The script makes nothing its own that somebody else has made before: a trigger on such a table
-- would run with the rights of whoever runs this script, and so would a function of such a name.
do $rpoguard$
declare
  found record;
begin
  for found in
    with names(name) as (values ('cluster_state'), ('canary'), ('cluster_promote'),
      ('timeline_history')@mark_names@),
    home as (select * from pg_namespace where nspname = 'rpoguard'),
    tables as (
      select c.* from home h join pg_class c on c.relnamespace = h.oid join names n
        on n.name = c.relname),
    parts(class, part, place, what) as (
      select 'pg_attrdef'::regclass, oid, adrelid, 'a default' from pg_attrdef
      union all
      select 'pg_constraint'::regclass, oid, conrelid, 'constraint ' || conname from pg_constraint
      union all
      select 'pg_trigger'::regclass, oid, tgrelid, 'trigger ' || tgname from pg_trigger
      union all
      select 'pg_policy'::regclass, oid, polrelid, 'policy ' || polname from pg_policy
      union all
      select 'pg_class'::regclass, indexrelid, indrelid, 'an index' from pg_index
      union all
      select 'pg_class'::regclass, oid, oid, 'a column' from pg_class),
    things(name, owner) as (
      select 'schema rpoguard', nspowner from home
      union all
      select 'rpoguard.' || relname, relowner from tables
      union all
      select p.oid::regprocedure::text, p.proowner
      from home h join pg_proc p on p.pronamespace = h.oid join names n on n.name = p.proname
      union all
      select i.inhrelid::regclass::text || ', which inherits rpoguard.' || t.relname || ','
      , c.relowner
      from tables t join pg_inherits i on i.inhparent = t.oid join pg_class c on c.oid = i.inhrelid
      union all
      select case when d.refclassid = 'pg_proc'::regclass then d.refobjid::regprocedure::text
        when d.refclassid = 'pg_operator'::regclass then d.refobjid::regoperator::text
        else d.refobjid::regtype::text end || ', which rpoguard.' || t.relname || ' uses in '
        || p.what || ','
      , coalesce(f.proowner, o.oprowner, y.typowner)
      from tables t join parts p on p.place = t.oid
      join pg_depend d on d.classid = p.class and d.objid = p.part
      left join pg_proc f on d.refclassid = 'pg_proc'::regclass and f.oid = d.refobjid
      left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
      left join pg_type y on d.refclassid = 'pg_type'::regclass and y.oid = d.refobjid
      where f.oid is not null or o.oid is not null or y.oid is not null)
    select t.name || ' belongs to ' || t.owner::regrole as problem
    from things t join pg_roles r on r.oid = t.owner
    where not r.rolsuper and r.rolname <> current_user
    union all
    select 'rpoguard.' || t.relname || ' has the rule ' || r.rulename
    from tables t join pg_rewrite r on r.ev_class = t.oid
    where r.rulename <> '_RETURN'
  loop
    raise exception 'not taken over: %', found.problem
      using errcode = 'object_not_in_prerequisite_state',
            hint = 'find out who made it, and drop it; what is sound, give to a superuser';
  end loop;
end
$rpoguard$;
)";

}  // namespace

std::string migration_guard(bool with_marks) {
  constexpr std::string_view kMarkNames = ", ('run_mark'), ('run_seal'), ('mark_run')";
  return base::replace_all(kGuard, "@mark_names@", with_marks ? kMarkNames : "");
}

}  // namespace rpoguard::observe
