# shellcheck shell=bash disable=SC2154
# The container's root file system: sourced by tests/package. There may be no container engine, so it
# is assembled by the script that the Dockerfile calls, and run in a chroot.

# Compiled once more, elsewhere and by the compiler itself: what ccache had kept would prove nothing.
build_elsewhere() {
  copy_worktree "$root" "$scratch/a/longer/path"
  (cd "$scratch/a/longer/path" && export CCACHE_DISABLE=1 && cmake --preset release &&
    nice cmake --build --preset release -j "$jobs" --target rpoguard)
}

# All there is to know of a folder, as one sum.
sum_of() { tar --sort=name --numeric-owner --format=ustar -C "$1" -c . | sha256sum | cut -d' ' -f1; }

# What a shell, an interpreter or setuid would look like.
check_content() {
  local odd
  odd=$(find "$1" -perm /6000 ! -type d)
  [ -z "$odd" ] || fail "setuid: $odd"
  odd=$(find "$1" -type f -perm /111 ! -name '*.so' ! -name '*.so.*' ! -path "$1/usr/bin/rpoguard")
  [ -z "$odd" ] || fail "programs beside rpoguard: $odd"
  odd=$(find "$1" ! -user root ! -path "$1/var/lib/rpoguard")
  [ -z "$odd" ] || fail "not root's: $odd"
}

# As a pod runs it: the root read-only, a configuration mounted, memory for the state, no privilege.
# in_image COMMAND...
in_image() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare --mount --pid --fork --ipc --kill-child sh -c '
    set -e
    image=$1 config=$2
    shift 2
    mount --bind "$image" "$image"
    mount --bind "$config" "$image/etc/rpoguard"
    mount -t tmpfs -o uid=65532,gid=65532,mode=750 tmpfs "$image/var/lib/rpoguard"
    mount -t proc proc "$image/proc"
    mount -o remount,bind,ro "$image"
    mount -o remount,bind,ro "$image/etc/rpoguard"
    exec env -i '"$(sed -n 's/^ENV //p' exporter/package/Dockerfile)"' \
      setpriv --no-new-privs /usr/sbin/chroot --userspec=65532:65532 --groups= "$image" "$@"' \
    sh "$scratch/image" "$scratch/config" "$@"
}

run_image() {
  local log=$scratch/image.log
  mkdir "$scratch/config"
  start_postgres "$scratch/image/usr/bin/rpoguard" >"$scratch/postgres.log" 2>&1 ||
    fail "$(cat "$scratch/postgres.log")"
  shard_config /etc/rpoguard/password >"$scratch/config/rpoguard.yml"
  install -m 440 -g 65532 /dev/null "$scratch/config/password"
  echo wrong >"$scratch/config/password"
  in_image /usr/bin/rpoguard serve >"$log" 2>&1 &
  unit_pid=$!
  eventually 30 is_up "$log" || fail "it does not start: $(cat "$log")"
  only_the_password_opens "$log" "$scratch/config/password"
  ! grep -q 'level=error' "$log" || fail "$(cat "$log")"
  in_image /usr/bin/rpoguard status --live --url "http://$(ops_of "$log")" || fail "the health check says no"
  [ "$(sed -n 's/^Uid:\t\([0-9]*\)\t.*/\1/p' "/proc/$(program_of "$unit_pid")/status")" = 65532 ] ||
    fail "it runs as somebody else"
  stop_program "$unit_pid" || fail "it did not end well: $(cat "$log")"
  unit_pid=
  in_image /usr/bin/rpoguard status --live --url "http://$(ops_of "$log")" && fail "healthy after its end?"
  stop_postgres
}

assemble() { quietly package-rootfs.log exporter/package/rootfs "$1/build/release/exporter/rpoguard" "$2"; }

require_same() {
  local one two
  one=$(sum_of "$1")
  two=$(sum_of "$2")
  [ "$one" != "$two" ] || return 0
  diff -rq --no-dereference "$1" "$2" || true # it has to be shown, not judged
  fail "not the same bytes"
}

test_image() {
  step "image: build, assemble twice, run"
  quietly package-build.log build_release
  assemble "$root" "$scratch/image"
  assemble "$root" "$scratch/again"
  require_same "$scratch/image" "$scratch/again"
  check_content "$scratch/image"
  run_image
  step "image: $(du -sm "$scratch/image" | cut -f1) MB in $(find "$scratch/image" -type f | wc -l) files"
}

test_reproducible() {
  step "reproducible: build here and elsewhere"
  quietly package-build.log build_release
  quietly package-elsewhere.log build_elsewhere
  assemble "$root" "$scratch/image"
  assemble "$scratch/a/longer/path" "$scratch/again"
  require_same "$scratch/image" "$scratch/again"
}
