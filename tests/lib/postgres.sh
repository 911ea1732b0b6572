# shellcheck shell=bash disable=SC2154
# A shard of real PostgreSQL for scripts: a writer in iad and an asynchronous copy in phx, on this
# machine's loopback, as the user postgres. To be sourced; `scratch` must name a folder of ours and `fail`
# end the script.

# eventually SECONDS COMMAND...: whether it succeeds within that time.
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

as_postgres() { (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"); }
pg() { as_postgres "$pg_bin/$1" "${@:2}"; }

# ask_as_rpoguard PORT PASSWORD: over TCP, as rpoguard will.
ask_as_rpoguard() {
  PGPASSWORD=$2 PGCONNECT_TIMEOUT=10 pg psql -X -q -At -h 127.0.0.1 -p "$1" -U rpoguard -d postgres -c 'select 1'
}

# Whether both servers let rpoguard in with its password and with no other one.
password_is_demanded() {
  local port answer
  for port in "$writer_port" "$copy_port"; do
    eventually 30 ask_as_rpoguard "$port" "$pg_password" || return
    if answer=$(ask_as_rpoguard "$port" wrong 2>&1); then
      echo "port $port lets rpoguard in with a wrong password"
      return 1
    fi
    grep -q 'password authentication failed for user "rpoguard"' <<<"$answer" || { echo "$answer"; return 1; }
  done
}

start_server() {
  cat >>"$pg_dir/$1/postgresql.conf" <<END || return
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = '$pg_dir'
cluster_name = '$3'
fsync = off
END
  pg pg_ctl -D "$pg_dir/$1" -l "$pg_dir/$1.log" -w start
}

# Leaves writer_port, copy_port and pg_password behind; rpoguard gets in with that password only.
# Every step says so itself when it fails: in a condition bash would go on after it.
# start_postgres RPOGUARD_BINARY
start_postgres() {
  pg_bin=${RPOGUARD_PG_BINDIR:-$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -n 1)}
  pg_dir=$scratch/pg
  writer_port=$(free_port)
  copy_port=$(free_port)
  pg_password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  install -d -o postgres -g postgres -m 755 "$pg_dir" || return
  pg initdb -D "$pg_dir/writer" -U postgres -A trust -N || return
  as_postgres tee "$pg_dir/writer/pg_hba.conf" >/dev/null <<END || return
local all,replication postgres trust
host all rpoguard 127.0.0.1/32 scram-sha-256
END
  start_server writer "$writer_port" iad-a || return
  pg pg_basebackup -h "$pg_dir" -p "$writer_port" -U postgres -D "$pg_dir/copy" -R -N || return
  start_server copy "$copy_port" phx-a || return
  { "$1" sql --home-region iad && echo "alter role rpoguard password '$pg_password'"; } >"$scratch/rpoguard.sql" || return
  pg psql -X -q -v ON_ERROR_STOP=1 -h "$pg_dir" -p "$writer_port" -U postgres -d postgres <"$scratch/rpoguard.sql" || return
  password_is_demanded
}

stop_postgres() {
  local server
  for server in copy writer; do
    [ ! -e "${pg_dir:-}/$server/postmaster.pid" ] || pg pg_ctl -D "$pg_dir/$server" -m immediate stop >/dev/null
  done
  [ -z "${pg_dir:-}" ] || rm -rf "$pg_dir"
}

# The configuration for that shard, with free ports: shard_config PASSWORD_FILE
shard_config() {
  cat <<END
listen: {ops: "127.0.0.1:0", gate: "127.0.0.1:0"}
state_dir: /var/lib/rpoguard
defaults:
  connect: {password_file: $1}
shards:
  - id: "184"
    home_region: iad
    nodes:
      - {name: iad-a, region: iad, host: localhost, port: $writer_port}
      - {name: phx-a, region: phx, host: 127.0.0.1, port: $copy_port}
END
}

# The youngest descendant: what runs inside of a shell, env, unshare and chroot.
program_of() {
  local pid=$1 child
  while read -r child _ < <(cat "/proc/$pid/task/$pid/children" 2>/dev/null && echo) && [ -n "$child" ]; do pid=$child; done
  echo "$pid"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# stop_program PID: of a background job. Its exit code; killed when it takes longer than 10 s.
stop_program() {
  local program
  program=$(program_of "$1")
  kill -TERM "$program"
  eventually 10 gone "$program" || kill -KILL "$program"
  wait "$1"
}

# The ops listener that a log tells of: ops_of LOG
ops_of() { sed -n 's/.*msg="rpoguard is up".* ops=\([^ ]*\) .*/\1/p' "$1" | tail -n 1; }
is_up() { [ -n "$(ops_of "$1")" ]; }

# gate_says LOG NUMBER: so it stands in the metrics, which promise more the longer they are asked for.
gate_says() {
  grep -q '^rpoguard_gate_open{.*shard="184".*} '"$2"'$' <<<"$(curl -fsS -m 5 "http://$(ops_of "$1")/metrics")"
}

gate_is_open() { gate_says "$1" 1; }
gate_is_closed() { gate_says "$1" 0; }

# Both nodes say that the password is wrong: password_is_refused LOG
password_is_refused() {
  local node
  for node in iad-a phx-a; do
    grep -q "node=$node .*password authentication failed for user" "$1" || return
  done
}

# The running program is refused with the wrong password that stands in FILE, and gets in once the right
# one stands there: only_the_password_opens LOG FILE
only_the_password_opens() {
  eventually 30 password_is_refused "$1" || fail "a wrong password is not refused: $(cat "$1")"
  gate_is_closed "$1" || fail "the gate is not closed with a wrong password: $(cat "$1")"
  printf '%s\n' "$pg_password" >"$2"
  eventually 30 gate_is_open "$1" || fail "its gate does not open: $(cat "$1")"
}
