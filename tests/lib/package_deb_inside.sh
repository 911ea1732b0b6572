# shellcheck shell=bash disable=SC2154
# The part of tests/package that runs inside a root, as root: bash inside PHASE
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
apt=(apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0)

fail() {
  echo "package: $*" >&2
  exit 1
}

# expect WANTED PATH: "mode owner:group" of a path
expect() {
  local found
  found=$(stat -c '%a %U:%G' "$2")
  [ "$found" = "$1" ] || fail "$2 is $found, not $1"
}

# All that is not apt's and dpkg's own memory, or in memory anyway (/run); passwd and group keep a copy of
# what they were.
snapshot() {
  find / -xdev \( -path /proc -o -path /run -o -path /src -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache \
    -o -path /var/log -o -path /etc/ld.so.cache \) -prune -o -not -name '*-' \
    \( -type d -printf '%p %y %m %U %G\n' -o -printf '%p %y %m %U %G %s\n' \) | sort
}

lint() {
  local unit=/lib/systemd/system/rpoguard.service
  "${apt[@]}" install --reinstall /src/rpoguard.deb
  lintian --allow-root --fail-on error,warning --tag-display-limit 0 /src/rpoguard.deb
  # 1: units of the base system may have complaints of their own.
  systemd-analyze verify --man=yes "$unit" >/src/verify 2>&1 || [ $? = 1 ] || fail "systemd-analyze verify does not run"
  cat /src/verify
  ! grep -q rpoguard /src/verify || fail "systemd-analyze verify complains"
  # In tenths; 100 is the most exposed. What is left: the network, /proc/stat.
  systemd-analyze security --offline=true --threshold=11 --no-pager "$unit"
  gzip -dc /usr/share/man/man1/rpoguard.1.gz >/src/rpoguard.1
  man --warnings -E UTF-8 -l -Tutf8 -Z /src/rpoguard.1 2>&1 >/dev/null | tee /src/man
  [ ! -s /src/man ] || fail "man complains"
  # It has no date: the version says how old it is. Up to 4 the exit code is what it found.
  mandoc -T lint -W warning /src/rpoguard.1 >/src/mandoc || [ $? -le 4 ] || fail "mandoc does not run"
  sed '/missing date/d' /src/mandoc | tee /src/man
  [ ! -s /src/man ] || fail "mandoc complains"
  [ "$(dpkg-query -W -f '${Version}' rpoguard)" = "$(rpoguard --version | sed 's/rpoguard //')-1" ] ||
    fail "the package and the program have different versions"
}

install_it() {
  snapshot >/src/before
  getent passwd | sort >/src/users-before
  "${apt[@]}" update
  "${apt[@]}" install /src/rpoguard.deb
  rpoguard --version
  expect '755 root:root' /usr/bin/rpoguard
  expect '755 root:root' /etc/rpoguard
  expect '644 root:root' /etc/rpoguard/rpoguard.yml
  expect '644 root:root' /lib/systemd/system/rpoguard.service
  expect '644 root:root' /usr/include/rpoguard_lease.h
  grep -q ':/var/lib/rpoguard:/usr/sbin/nologin$' <<<"$(getent passwd rpoguard)" || fail "no system user rpoguard"
  [ -s /usr/share/rpoguard/docs/rpoguard.reference.yml ] || fail "no reference"
  [ -s /usr/share/rpoguard/rules/rpoguard.rules.yml ] || fail "no rules"
  [ -s /usr/share/rpoguard/dashboards/fleet.json ] || fail "no dashboards"
  if ls /etc/systemd/system/*/rpoguard.service 2>/dev/null; then fail "it is enabled"; fi
  # Not one file may belong to nobody known or be writable by all.
  dpkg-query -L rpoguard | xargs -d '\n' -I{} find {} -maxdepth 0 ! -type l \( -perm -o+w -o ! -user root \) |
    { ! grep .; } || fail "wrong owner or mode above"
}

upgrade_remove_purge() {
  local edited
  edited=$(cat /etc/rpoguard/rpoguard.yml)
  # The answer that the question has by default, and an unattended upgrade gives.
  "${apt[@]}" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install /src/rpoguard-next.deb
  [ "$(dpkg-query -W -f '${Version}' rpoguard)" = 99.0-1 ] || fail "not upgraded"
  [ "$(cat /etc/rpoguard/rpoguard.yml)" = "$edited" ] || fail "the upgrade touched the edited configuration"
  grep -q 'a later default' /etc/rpoguard/rpoguard.yml.dpkg-dist || fail "the new default is not beside it"
  [ -n "$(ls /var/lib/rpoguard)" ] || fail "the upgrade took the state"
  # What systemctl enable does.
  mkdir -p /etc/systemd/system/multi-user.target.wants
  ln -s /lib/systemd/system/rpoguard.service /etc/systemd/system/multi-user.target.wants/rpoguard.service
  "${apt[@]}" remove rpoguard
  [ ! -e /usr/bin/rpoguard ] || fail "the program is still there"
  [ "$(cat /etc/rpoguard/rpoguard.yml)" = "$edited" ] || fail "remove touched the configuration"
  [ -n "$(ls /var/lib/rpoguard)" ] || fail "remove took the state"
  # The administrator's own file: dpkg leaves it and its folder.
  rm /etc/rpoguard/password
  "${apt[@]}" purge --autoremove rpoguard
  snapshot >/src/after
  getent passwd | sort | diff /src/users-before - || fail "the user is left"
  diff /src/before /src/after || fail "purge left the files above"
}

case $1 in
  install) install_it ;;
  lint | upgrade_remove_purge) "$1" ;;
  *) fail "no such phase: $1" ;;
esac
