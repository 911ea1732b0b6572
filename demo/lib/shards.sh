# shellcheck shell=bash
# The PostgreSQL servers of the demo: a writer and a synchronous copy in iad, an asynchronous copy in
# phx. Sourced after common.sh.

region_of() { echo "${1%%-*}"; }
node_dir() { echo "$demo_dir/shards/$1/$2"; }
archive_dir() { echo "$demo_dir/shards/$1/archive"; }
secret() { cat "$demo_dir/secrets/$1"; }

pg_bin() {
  local found
  found=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] || die "PostgreSQL is not installed under /usr/lib/postgresql"
  echo "$found"
}

# sql SHARD NODE STATEMENT: as superuser, on the server itself, never over a link; bounded.
sql() {
  psql_to "$1" "$2" -X -q -A -t -v ON_ERROR_STOP=1 -c "$3"
}

psql_to() {
  local shard=$1 node=$2
  shift 2
  PGPASSFILE=$demo_dir/secrets/pgpass PGCONNECT_TIMEOUT=3 PGOPTIONS=${psql_options:-} \
    timeout "${psql_timeout:-30}" "$(pg_bin)/psql" -h 127.0.0.1 -p "$(port "$shard-$node")" \
    -U postgres -d "${psql_database:-app}" "$@"
}

accepts_connections() {
  "$(pg_bin)/pg_isready" -q -t 2 -h 127.0.0.1 -p "$(port "$1-$2")"
}

# The port by which a server in region FROM reaches NODE: over the wide-area link if it is elsewhere.
port_from() {
  local shard=$1 from=$2 node=$3
  if [ "$(region_of "$node")" = "$from" ]; then
    port "$shard-$node"
  else
    port "$shard-to-$(region_of "$node")"
  fi
}

# --- Files ---

make_secrets() {
  [ -e "$demo_dir/secrets/pgpass" ] && return
  (
    umask 077
    mkdir -p "$demo_dir/secrets"
    for role in postgres replicator rpoguard app; do
      od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$demo_dir/secrets/$role"
    done
    echo "127.0.0.1:*:*:postgres:$(secret postgres)" >"$demo_dir/secrets/pgpass"
  )
}

write_hba() {
  cat >"$1" <<'END'
# Only over the loopback, only with a password.
host  all          all         127.0.0.1/32  scram-sha-256
host  replication  replicator  127.0.0.1/32  scram-sha-256
END
}

# write_conf SHARD NODE [UPSTREAM]: outside the data directory, so that a base backup carries no
# settings from one node to another.
write_conf() {
  local shard=$1 node=$2 upstream=${3:-} dir archive
  dir=$(node_dir "$shard" "$node")
  archive=$(archive_dir "$shard")
  cat <<END
data_directory = '$dir/data'
hba_file = '$dir/pg_hba.conf'
ident_file = '$dir/pg_ident.conf'
listen_addresses = '127.0.0.1'
port = $(port "$shard-$node")
unix_socket_directories = ''
cluster_name = '$node'
max_connections = 60
shared_buffers = 16MB
# Files instead of /dev/shm, which is not for everybody in a bare root or a container.
dynamic_shared_memory_type = mmap
wal_level = replica
wal_log_hints = on
# A copy finds what it missed during an hour of a cut link.
wal_keep_size = 512MB
max_wal_size = 256MB
hot_standby = on
# The same time-outs as in production would hide a dead link for a minute; the gate does not care.
wal_sender_timeout = 60s
wal_receiver_timeout = 60s
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 1s
archive_mode = on
archive_timeout = 10s
archive_command = 'cp "%p" "$archive/%f.part" && mv "$archive/%f.part" "$archive/%f" && find "$archive" -type f -mmin +60 -delete'
log_line_prefix = '%m [%p] %u@%d '
log_min_messages = warning
lc_messages = 'C'
END
  if [ -n "$upstream" ]; then
    echo "primary_conninfo = 'host=127.0.0.1 port=$(port_from "$shard" "$(region_of "$node")" "$upstream")" \
      "user=replicator passfile=''$dir/pgpass'' application_name=$node sslmode=disable connect_timeout=5'"
  elif [ "$node" = iad-a ]; then
    # Every commit waits for the copy in the second zone.
    echo "synchronous_standby_names = 'FIRST 1 (\"iad-b\")'"
  fi
}

# Makes the files of a node, for the user that runs the servers.
write_node_files() {
  local shard=$1 node=$2 upstream=${3:-} dir
  dir=$(node_dir "$shard" "$node")
  mkdir -p "$dir" "$(archive_dir "$shard")"
  write_conf "$shard" "$node" "$upstream" >"$dir/postgresql.conf"
  write_hba "$dir/pg_hba.conf"
  : >"$dir/pg_ident.conf"
  (
    umask 077
    echo "127.0.0.1:*:*:replicator:$(secret replicator)" >"$dir/pgpass"
  )
  own_by_postgres "$dir" "$dir/postgresql.conf" "$dir/pg_hba.conf" "$dir/pg_ident.conf" \
    "$dir/pgpass" "$(archive_dir "$shard")"
  if [ -n "$upstream" ]; then echo "$upstream" >"$dir/upstream"; else rm -f "$dir/upstream"; fi
}

own_by_postgres() {
  if [ "$(id -u)" = 0 ]; then chown postgres: "$@"; fi
}

# --- Life of a server ---

start_node() {
  local shard=$1 node=$2 name="pg-$1-$2" pid
  alive "$name" && return
  # A server that was killed leaves its pid file; the pid may belong to somebody else by now.
  rm -f "$(node_dir "$shard" "$node")/data/postmaster.pid"
  start_process "$name" "$demo_dir/run/as-postgres" "$(pg_bin)/postgres" \
    -c "config_file=$(node_dir "$shard" "$node")/postgresql.conf"
  await "$name" 60 accepts_connections "$shard" "$node"
  wake_checkpointer "$name"
}

# PostgreSQL 15's checkpointer sleeps through archive_timeout after a recovery until it is woken.
wake_checkpointer() {
  local pid
  if pid=$(pid_of "$1"); then kill -HUP "$pid"; fi
}

# setsid and the pid file need one program that becomes the server.
write_as_postgres() {
  cat >"$demo_dir/run/as-postgres" <<'END'
#!/bin/sh
# Becomes the given command, as the user postgres if started by root.
cd /
if [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
fi
exec "$@"
END
  chmod 755 "$demo_dir/run/as-postgres"
}

create_writer() {
  local shard=$1 node=iad-a dir
  dir=$(node_dir "$shard" "$node")
  write_node_files "$shard" "$node"
  rm -rf "$dir/data"  # of an attempt that was interrupted
  (umask 077 && secret postgres >"$dir/password")
  own_by_postgres "$dir/password"
  as_postgres env LC_ALL=C "$(pg_bin)/initdb" -D "$dir/data" -U postgres \
    --pwfile="$dir/password" -A scram-sha-256 -E UTF8 --locale=C --wal-segsize=1 --no-sync \
    >>"$(log_of setup)" 2>&1 || die_with_log setup "initdb failed"
  rm -f "$dir/password"
  start_node "$shard" "$node"
  prepare_database "$shard" >>"$(log_of setup)" 2>&1 ||
    die_with_log setup "the database of shard $shard could not be prepared"
}

# Roles, the migration of rpoguard, and the table of the gateway. Passwords go through pipes, never
# through arguments, which anybody can read. Each step returns its failure: the caller asks in a condition,
# where bash would go on.
prepare_database() {
  local shard=$1 psql_options='-c synchronous_commit=local'  # there is no copy to wait for yet
  psql_database=postgres psql_to "$shard" iad-a -X -q -v ON_ERROR_STOP=1 -f - <<END || return
create role replicator login replication password '$(secret replicator)';
create role app login password '$(secret app)';
create database app;
END
  "$build/exporter/rpoguard" sql --role rpoguard --home-region iad |
    psql_to "$shard" iad-a -X -q -v ON_ERROR_STOP=1 -f - || return
  psql_to "$shard" iad-a -X -q -v ON_ERROR_STOP=1 -f - <<END
alter role rpoguard password '$(secret rpoguard)';
create table ledger (token bigint primary key,
  at timestamptz not null default clock_timestamp(), payload text not null);
grant select, insert on ledger to app;
END
}

# clone_node SHARD NODE UPSTREAM: by a base backup over the link that lies between them.
clone_node() {
  local shard=$1 node=$2 upstream=$3 dir
  dir=$(node_dir "$shard" "$node")
  write_node_files "$shard" "$node" "$upstream"
  rm -rf "$dir/data"
  as_postgres env PGPASSFILE="$dir/pgpass" timeout 300 "$(pg_bin)/pg_basebackup" -h 127.0.0.1 \
    -p "$(port_from "$shard" "$(region_of "$node")" "$upstream")" -U replicator -D "$dir/data" \
    -c fast -X stream --no-sync >>"$(log_of setup)" 2>&1 ||
    die_with_log setup "the base backup of $shard/$node from $upstream failed"
  as_postgres touch "$dir/data/standby.signal"
  start_node "$shard" "$node"
}

node_created() { [ -e "$(node_dir "$1" "$2")/data/PG_VERSION" ]; }

# Prints "epoch" of a node that accepts writes; fails for every other one.
writer_epoch() {
  local answer
  alive "pg-$1-$2" || return 1
  answer=$(psql_timeout=5 sql "$1" "$2" "select writer_epoch from rpoguard.cluster_state
    where not pg_is_in_recovery()" 2>/dev/null)
  [ -n "$answer" ] && echo "$answer"
}

# The node that accepts writes on the highest epoch; of equals the first.
current_writer() {
  local node epoch best='' best_epoch=-1
  for node in "${nodes[@]}"; do
    if epoch=$(writer_epoch "$1" "$node") && [ "$epoch" -gt "$best_epoch" ]; then
      best=$node
      best_epoch=$epoch
    fi
  done
  [ -n "$best" ] && echo "$best"
}

# Which node the last promotion made the writer. A node outside recovery that is not it was left
# behind by a failover.
recorded_writer() { cat "$demo_dir/shards/$1/writer" 2>/dev/null || echo iad-a; }
record_writer() { echo "$2" >"$demo_dir/shards/$1/writer"; }

# Starts what is missing. A writer that a failover has left behind stays down: that is its fence.
start_shard() {
  local shard=$1 node
  node_created "$shard" iad-a || create_writer "$shard"
  for node in "${nodes[@]}"; do
    if ! node_created "$shard" "$node"; then
      clone_node "$shard" "$node" "$(recorded_writer "$shard")"
    elif alive "pg-$shard-$node"; then
      continue
    elif [ -e "$(node_dir "$shard" "$node")/data/standby.signal" ] ||
      [ "$node" = "$(recorded_writer "$shard")" ]; then
      refresh_conf "$shard" "$node"
      start_node "$shard" "$node"
    else
      say "shard $shard: a failover has left $node behind; rebuild it with: demo/fault reseed $shard"
    fi
  done
}

# Ports may have changed since the last start.
refresh_conf() {
  local dir upstream=''
  dir=$(node_dir "$1" "$2")
  if [ -e "$dir/upstream" ]; then upstream=$(cat "$dir/upstream"); fi
  write_node_files "$1" "$2" "$upstream"
}
