# shellcheck shell=bash
# Installs missing Debian packages without starting, enabling or creating anything else.
#
#   . demo/lib/packages.sh
#   install_packages LOG_FILE GROUP...        groups: build servers tests bench
#
# Needs apt on Debian 12, and root or sudo only if something is missing. While apt runs, a
# policy-rc.d keeps services from starting and a drop-in keeps PostgreSQL from creating its "main"
# cluster; both are removed afterwards, also on failure. Services that came with the packages are
# disabled again. apt's output goes to LOG_FILE and is shown only on failure.

rpoguard_packages_file=${BASH_SOURCE[0]}

# unless_found COMMAND PACKAGE: Node.js often comes from its makers, whose package Debian's npm conflicts with.
unless_found() { command -v "$1" >/dev/null || echo "$2"; }

packages_of_group() {
  case $1 in
    build) echo g++ cmake ninja-build pkg-config libpq-dev libyaml-cpp-dev libcpp-httplib-dev \
      prometheus-cpp-dev libasio-dev libboost-dev nlohmann-json3-dev libcli11-dev libspdlog-dev \
      libssl-dev libcrypt-dev ;;
    servers) echo postgresql prometheus prometheus-alertmanager ;;
    tests) echo ccache mold libgtest-dev clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 locales \
      pgbackrest patroni python3-etcd etcd-server etcd-client repmgr postgresql-15-auto-failover haproxy nginx-light \
      pgbouncer libfaketime \
      openssl curl python3-minimal debootstrap dpkg-dev file binutils ca-certificates \
      $(unless_found node nodejs) $(unless_found npm npm) ;;
    bench) echo prometheus-postgres-exporter libbenchmark-dev nginx-light wrk ;;
    *) echo "packages: no such group: $1" >&2; return 1 ;;
  esac
}

package_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
  local log=$1 group package members
  shift
  local wanted=0 missing=()
  for group in "$@"; do
    members=$(packages_of_group "$group") || return 1
    for package in $members; do
      wanted=$((wanted + 1))
      package_installed "$package" || missing+=("$package")
    done
  done
  if [ "${#missing[@]}" = 0 ]; then
    echo "packages: all $wanted are installed"
    return 0
  fi
  echo "packages: installing ${missing[*]}"
  mkdir -p "$(dirname "$log")"
  : >"$log"
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
    [ -t 0 ] || as_root=(sudo -n)
    if ! command -v sudo >/dev/null || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
      echo "packages: cannot install without root; as root run: apt-get install" \
        "--no-install-recommends ${missing[*]}" >&2
      return 1
    fi
  fi
  "${as_root[@]}" bash "$rpoguard_packages_file" --install "${missing[@]}" >>"$log" 2>&1 && return 0
  echo "packages: apt failed; the end of $log:" >&2
  tail -n 40 "$log" >&2
  return 1
}

# --- From here on: the part that runs as root, in a process of its own. ---

policy=/usr/sbin/policy-rc.d
dropin_directory=/etc/postgresql-common/createcluster.d
dropin=$dropin_directory/rpoguard.conf

# Service units of ours that something wants: "multi-user.target.wants/prometheus.service".
enabled_units() {
  (cd /etc/systemd/system 2>/dev/null &&
    find . -path '*.wants/*' \( -name 'postgresql*' -o -name 'prometheus*' \
      -o -name 'pgbackrest*' -o -name 'patroni*' -o -name 'repmgr*' -o -name 'etcd*' -o -name 'haproxy*' \
      -o -name 'pgbouncer*' -o -name 'nginx*' \) | sort)
}

# Services of ours that a System V init would start.
enabled_rc_links() {
  find /etc/rc[2345].d -name 'S*postgresql' -o -name 'S*prometheus*' -o -name 'S*patroni' -o -name 'S*repmgr*' \
    -o -name 'S*etcd' -o -name 'S*haproxy' -o -name 'S*pgbouncer' -o -name 'S*nginx' 2>/dev/null | sort
}

undo_temporary_files() {
  if [ "${made_policy:-no}" = yes ]; then rm -f "$policy"; fi
  if [ "${made_dropin:-no}" = yes ]; then rm -f "$dropin"; fi
  # Only directories that were not there before, and only while empty.
  local directory
  for directory in "${made_directories[@]}"; do rmdir "$directory" 2>/dev/null || true; done
}

disable_new_services() {
  local unit link name
  for unit in $(comm -13 <(echo "$units_before") <(enabled_units)); do
    name=$(basename "$unit")
    if [ -d /run/systemd/system ]; then
      systemctl disable "$name"
    else
      deb-systemd-helper disable "$name"
    fi
  done
  for link in $(comm -13 <(echo "$links_before") <(enabled_rc_links)); do
    [ -e "$link" ] || continue
    name=$(basename "$link" | sed 's/^S[0-9]*//')
    update-rc.d "$name" disable
  done
}

install_as_root() {
  local directory
  made_policy=no made_dropin=no made_directories=()
  trap undo_temporary_files EXIT
  trap 'exit 130' INT TERM HUP
  units_before=$(enabled_units)
  links_before=$(enabled_rc_links)
  if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  if [ ! -e "$dropin" ]; then
    for directory in "$dropin_directory" "$(dirname "$dropin_directory")"; do
      [ -d "$directory" ] || made_directories+=("$directory")
    done
    made_dropin=yes
    mkdir -p "$dropin_directory"
    echo 'create_main_cluster = false' >"$dropin"
  fi
  export DEBIAN_FRONTEND=noninteractive LC_ALL=C
  local apt=(apt-get -q -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update || return 1
  "${apt[@]}" install -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" || return 1
  disable_new_services
}

if [ "${1:-}" = --install ] && [ "${BASH_SOURCE[0]}" = "$0" ]; then
  shift
  set -u
  install_as_root "$@"
fi
