# shellcheck shell=bash disable=SC2154
# The Debian package: sourced by tests/package.

build_release() {
  cmake --preset release
  nice cmake --build --preset release -j "$jobs"
}

# make_deb FOLDER
make_deb() { (cd build/release && cpack -G DEB -B "$1"); }

# The same package as a later version that ships another default: next_version DEB FOLDER
next_version() {
  dpkg-deb -R "$1" "$2/unpacked"
  sed -i 's/^Version: .*/Version: 99.0-1/' "$2/unpacked/DEBIAN/control"
  echo '# a later default' >>"$2/unpacked/etc/rpoguard/rpoguard.yml"
  dpkg-deb --root-owner-group -b "$2/unpacked" "$2/rpoguard-next.deb"
}

# What only the checks need.
lint_packages=(lintian man-db mandoc systemd)

# lint_deb DEB: in a root of its own.
lint_deb() {
  local base
  base=$(pristine_root bookworm minbase "${lint_packages[@]}")
  rm -rf "$work/root-lint"
  cp -a "$base" "$work/root-lint"
  mkdir "$work/root-lint/src"
  cp "$1" "$work/root-lint/src/rpoguard.deb"
  inside "$work/root-lint" lint
  rm -rf "$work/root-lint"
}

# inside ROOT PHASE...: in a root with nothing but the base system and what it installed.
inside() {
  cp tests/lib/package_deb_inside.sh "$1/src/inside"
  in_root "$1" bash /src/inside "${@:2}"
}

# The unit's own words: no systemd runs in the root, so this does what it would have done.
unit_value() { sed -n "s/^$1=//p" "$fresh/lib/systemd/system/rpoguard.service" | tail -n 1; }

# start_unit LOG: directories, user, command of the unit; no capability and no new privilege.
start_unit() {
  local user group
  user=$(unit_value User) group=$(unit_value Group)
  [ -n "$user" ] && [ "$user" != root ] || fail "the unit does not name its user"
  in_root "$fresh" install -d -o "$user" -g "$group" -m "$(unit_value StateDirectoryMode)" \
    "/var/lib/$(unit_value StateDirectory)"
  in_root "$fresh" install -d -o "$user" -g "$group" "/run/$(unit_value RuntimeDirectory)"
  # The pipe is what keeps the log readable for us, whoever writes it.
  # shellcheck disable=SC2046
  in_root "$fresh" sh -c 'mount -t proc proc /proc; umask "$1"; shift; exec "$@"' sh "$(unit_value UMask)" \
    setpriv --reuid="$user" --regid="$group" --init-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
    $(unit_value ExecStart) >"$1" 2>&1 &
  unit_pid=$!
}

stop_unit() {
  stop_program "$unit_pid" || fail "rpoguard did not end well: $(cat "$1")"
  unit_pid=
}

run_unit() {
  local log=$scratch/unit.log status
  start_unit "$log"
  wait "$unit_pid" && fail "the default configuration works?"
  unit_pid=
  grep -q 'rpoguard.yml:.*shards: is missing.*rpoguard.reference.yml' "$log" || fail "no help: $(cat "$log")"
  step "deb: as shipped it says what to do: $(tail -n 1 "$log")"

  start_postgres "$fresh/usr/bin/rpoguard" >"$scratch/postgres.log" 2>&1 || fail "$(cat "$scratch/postgres.log")"
  shard_config /etc/rpoguard/password >"$fresh/etc/rpoguard/rpoguard.yml"
  echo wrong >"$fresh/etc/rpoguard/password"
  in_root "$fresh" chown root:rpoguard /etc/rpoguard/password
  chmod 640 "$fresh/etc/rpoguard/password"
  in_root "$fresh" rpoguard check-config /etc/rpoguard/rpoguard.yml
  start_unit "$log"
  eventually 30 is_up "$log" || fail "it does not start: $(cat "$log")"
  only_the_password_opens "$log" "$fresh/etc/rpoguard/password"
  status=$(in_root "$fresh" rpoguard status --live --url "http://$(ops_of "$log")") || fail "not alive: $status"
  stop_unit "$log"
  [ -n "$(ls "$fresh/var/lib/rpoguard")" ] || fail "nothing was written to the state directory"
  stop_postgres
}

test_deb() {
  local base deb
  step "deb: build"
  quietly package-build.log build_release
  quietly package-deb.log make_deb "$scratch/one"
  quietly package-deb.log make_deb "$scratch/two"
  deb=$(echo "$scratch"/one/*.deb)
  cmp "$deb" "$scratch"/two/*.deb || fail "the same build gives two different packages"
  quietly package-next.log next_version "$deb" "$scratch"
  step "deb: lintian, systemd-analyze, man"
  quietly package-lint.log lint_deb "$deb"
  sed -nE '/^(→|[NWIE]:)/p' "$work/package-lint.log"

  base=$(pristine_root bookworm minbase)
  fresh=$work/root-deb
  rm -rf "$fresh"
  cp -a "$base" "$fresh"
  mkdir "$fresh/src"
  echo '127.0.0.1 localhost' >"$fresh/etc/hosts" # as an installer would
  cp "$deb" "$fresh/src/rpoguard.deb"
  cp "$scratch/rpoguard-next.deb" "$fresh/src"
  step "deb: install in a bare root"
  quietly package-install.log inside "$fresh" install
  run_unit
  step "deb: upgrade, remove, purge"
  quietly package-purge.log inside "$fresh" upgrade_remove_purge
  rm -rf "$fresh"
}
