-- The role with which rpoguard-enforce works, on the writer of each shard, once, as a superuser; PostgreSQL 15 or later.
-- Before 15 only a superuser may use ALTER SYSTEM. Give the role a password or a line in pg_hba.conf of your own.
create role "rpoguard-ops" login;
grant alter system on parameter default_transaction_read_only, synchronous_standby_names to "rpoguard-ops";
grant alter system on parameter "rpoguard.read_only", "rpoguard.remote_copy" to "rpoguard-ops";
grant execute on function pg_reload_conf() to "rpoguard-ops";
grant pg_read_all_settings to "rpoguard-ops";
grant usage on schema rpoguard to "rpoguard-ops";
grant select on rpoguard.cluster_state to "rpoguard-ops";
