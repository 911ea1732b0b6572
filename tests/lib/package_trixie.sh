# shellcheck shell=bash disable=SC2154
# The next Debian: gcc 14, cpp-httplib 0.18, prometheus-cpp 1.0.2, yaml-cpp 0.8, PostgreSQL 17.
# Sourced by tests/package.

# Runs inside the root, which is kept with its packages, its build folder and a ccache of its own.
trixie_inside='
set -euo pipefail
mount -t proc proc /proc
cd /src/rpoguard
export CCACHE_DIR=/ccache DEBIAN_FRONTEND=noninteractive
. demo/lib/packages.sh
more="ccache postgresql libgtest-dev prometheus python3 pgbackrest curl openssl"
missing=
for package in $(packages_of_group build) $more; do package_installed $package || missing=yes; done
if [ -n "$missing" ]; then
  mkdir -p /etc/postgresql-common/createcluster.d
  echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/rpoguard.conf
  printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  apt-get -q update
  apt-get -q install -y --no-install-recommends $(packages_of_group build) $more
fi
cmake --preset check
nice cmake --build --preset check -j "$1" --target fast_tests pg_tests wire_tests
ctest --test-dir build/check -L "unit|sim|pg|wire" -j $(($1 * 8)) --output-on-failure --no-tests=error'

test_trixie() {
  local base log=$work/package-trixie.log
  fresh=$work/root-trixie
  if [ ! -d "$fresh" ]; then
    base=$(pristine_root trixie minbase)
    rm -rf "$fresh.new" # of a run that was interrupted
    cp -a "$base" "$fresh.new"
    mkdir -p "$fresh.new/src" "$fresh.new/ccache"
    mv "$fresh.new" "$fresh"
  fi
  # What was deleted here must not live on there.
  mkdir -p "$fresh/src/rpoguard"
  find "$fresh/src/rpoguard" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  copy_worktree "$root" "$fresh/src/rpoguard"
  step "trixie: install, build, test; see $log"
  in_root "$fresh" bash -c "$trixie_inside" bash "$jobs" >"$log" 2>&1 || {
    grep -E 'error:|\*\*\*Failed|\*\*\*Timeout|tests failed|^E: ' "$log" >&2 || tail -n 40 "$log" >&2
    fail "trixie"
  }
  grep -E 'tests passed' "$log"
}
