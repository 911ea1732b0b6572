# shellcheck shell=bash
# What every demo command needs: where things are, processes with pid files, ports, waiting.
# Sourced, never run. Needs bash, coreutils, util-linux and /proc; no procps, no curl.

set -euo pipefail
umask 022
# The caller's own PostgreSQL settings must not reach the demo.
unset "${!PG@}"

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$repository/build/demo
shards=(184 185)
nodes=(iad-a iad-b phx-a)

say() { printf '%s\n' "$*"; }
die() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

# --- Users ---

# Runs a command as the user that owns the PostgreSQL servers: they refuse to run as root.
as_postgres() (
  cd / # that user may not enter the directory we are in
  if [ "$(id -u)" != 0 ]; then
    "$@"
  else
    setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
  fi
)

# --- The demo directory ---

# RPOGUARD_DEMO_DIR, else .demo in the repository; as root, if the user postgres cannot get there, a
# directory of the same name for the same repository under /var/tmp.
choose_demo_dir() {
  demo_dir=$(realpath -m "${RPOGUARD_DEMO_DIR:-$repository/.demo}")
  local fallback
  if [ "$(id -u)" != 0 ] || [ -n "${RPOGUARD_DEMO_DIR:-}" ]; then return; fi
  fallback=/var/tmp/rpoguard-demo-$(printf %s "$repository" | cksum | cut -d' ' -f1)
  if [ -d "$fallback" ]; then
    demo_dir=$fallback
  elif id postgres >/dev/null 2>&1 && ! as_postgres test -x "$repository"; then
    demo_dir=$fallback
  fi
}

demo_exists() { [ -e "$demo_dir/ports" ]; }
require_demo() { demo_exists || die "there is no demo in $demo_dir; start it with demo/up"; }

# One demo/up or demo/down at a time. The lock is held until the script ends.
take_lock() {
  mkdir -p "$demo_dir" || die "cannot make $demo_dir"
  exec 9>"$demo_dir/lock"
  flock -n 9 || die "another demo command is at work in $demo_dir"
}

# --- Processes: run/NAME.pid holds "pid start-time", so that a recycled pid is never ours ---

# The start time of a living process, in clock ticks since boot; nothing for a dead or zombie one.
start_time_of() {
  local stat fields
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  read -r -a fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] || return 1
  echo "${fields[19]}"
}

# Prints the pid of a process of ours if it lives.
pid_of() {
  local pid started
  { read -r pid started <"$demo_dir/run/$1.pid"; } 2>/dev/null || return 1
  [ "$(start_time_of "$pid")" = "$started" ] && echo "$pid"
}

alive() { pid_of "$1" >/dev/null; }

children_of() {
  local stat fields directory
  for directory in /proc/[0-9]*; do
    { stat=$(<"$directory/stat"); } 2>/dev/null || continue
    read -r -a fields <<<"${stat##*) }"
    if [ "${fields[1]}" = "$1" ]; then echo "${directory#/proc/}"; fi
  done
}

log_of() { echo "$demo_dir/logs/$1.log"; }

# start_process NAME COMMAND...: in the background, in a session of its own, with its log. The pid
# file is there when it returns.
start_process() {
  local name=$1 pid
  shift
  setsid "$@" </dev/null >>"$(log_of "$name")" 2>&1 9>&- &
  pid=$!
  printf '%s %s\n' "$pid" "$(start_time_of "$pid")" >"$demo_dir/run/$name.pid"
  disown
}

# stop_process NAME SIGNAL SECONDS: asks, waits, then kills it and its children.
stop_process() {
  local name=$1 signal=$2 seconds=$3 pid tries members
  if pid=$(pid_of "$name"); then
    members=$(children_of "$pid")
    # A stopped process would not hear the signal.
    # shellcheck disable=SC2086
    kill -CONT "$pid" $members 2>/dev/null || true
    kill "-$signal" "$pid" 2>/dev/null || true
    for ((tries = seconds * 10; tries > 0; tries--)); do
      alive "$name" || break
      sleep 0.1
    done
    if alive "$name"; then
      members=$(children_of "$pid")
      # shellcheck disable=SC2086
      kill -KILL "$pid" $members 2>/dev/null || true
    fi
    for ((tries = 50; tries > 0; tries--)); do
      alive "$name" || break
      sleep 0.1
    done
    alive "$name" && die "cannot stop $name (pid $pid)"
  fi
  rm -f "$demo_dir/run/$name.pid"
}

# --- Waiting ---

# wait_until SECONDS COMMAND...: tries until it succeeds; fails at the deadline.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# Ends the script with the last lines of a component's log.
die_with_log() {
  local log
  log=$(log_of "$1")
  {
    printf 'demo: %s %s\n' "$1" "$2"
    printf 'the end of %s:\n' "$log"
    tail -n 20 "$log" 2>/dev/null | sed 's/^/    /'
  } >&2
  exit 1
}

# Wait until the process NAME does what COMMAND checks, or show its log.
await() {
  local name=$1 seconds=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    alive "$name" || die_with_log "$name" "has ended"
    [ "$SECONDS" -lt "$deadline" ] || die_with_log "$name" "is not ready after $seconds s"
    sleep 0.1
  done
}

# http_is PORT PATH STATUS: one GET to 127.0.0.1, bounded.
http_is() {
  timeout 3 bash -c '
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" "$2" >&3
    read -r _ status _ <&3 && [ "$status" = "$3" ]' http_is "$@" 2>/dev/null
}

# --- Ports: chosen once, kept in the file "ports" ---

port() {
  local value
  value=$(sed -n "s/^$1=//p" "$demo_dir/ports" 2>/dev/null)
  [ -n "$value" ] || die "no port is recorded for $1"
  echo "$value"
}

# Ports on which somebody listens, one per line.
listening_ports() {
  local hex
  { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null || true; } |
    awk '$4 == "0A" { n = split($2, part, ":"); print part[n] }' |
    while read -r hex; do echo $((16#$hex)); done
}

port_names() {
  local shard node
  for shard in "${shards[@]}"; do
    for node in "${nodes[@]}"; do echo "$shard-$node"; done
    echo "$shard-to-iad"
    echo "$shard-to-phx"
  done
  printf '%s\n' ops gate prometheus alertmanager pager
}

# Below the kernel's range for outgoing connections; a random start keeps two demos apart.
choose_ports() {
  local taken name candidate=$((15000 + RANDOM % 10000))
  taken=" $(listening_ports | tr '\n' ' ')"
  for name in $(port_names); do
    while [[ $taken == *" $candidate "* ]]; do candidate=$((candidate + 1)); done
    echo "$name=$candidate"
    candidate=$((candidate + 1))
  done >"$demo_dir/ports.new"
  mv "$demo_dir/ports.new" "$demo_dir/ports"
}

any_port_taken() {
  local taken value
  taken=" $(listening_ports | tr '\n' ' ')"
  while IFS='=' read -r _ value; do
    if [[ $taken == *" $value "* ]]; then return 0; fi
  done <"$demo_dir/ports"
  return 1
}

process_names() {
  local shard node
  for shard in "${shards[@]}"; do echo "gateway-$shard"; done
  printf '%s\n' rpoguard prometheus alertmanager pager link
  for shard in "${shards[@]}"; do
    # A writer waits at its end for what it has sent: its copies stop first.
    for node in phx-a iad-b iad-a; do echo "pg-$shard-$node"; done
  done
}

anything_alive() {
  local name
  for name in $(process_names); do
    if alive "$name"; then return 0; fi
  done
  return 1
}

choose_demo_dir
