# shellcheck shell=bash disable=SC2154
# Debian root file systems for tests: made by debootstrap once, kept, and copied for each run.
# Needs root and debootstrap. To be sourced; `roots` must name the folder that keeps them.

# What apt of this machine knows of Debian 12, and where the same mirrors have a younger release.
# repositories SUITE: lines "URI SUITE-OR-POCKET"
repositories() {
  local suite=$1 uri pocket
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN) $(COMPONENT)' 'Created-By: Packages' |
    awk '$3 == "Debian" && $4 == "main" && $2 ~ /^bookworm/ { print $1, $2 }' | sort -u |
    while read -r uri pocket; do echo "$uri ${pocket/#bookworm/$suite}"; done
}

# Prints the folder of the pristine root.
# pristine_root SUITE VARIANT      VARIANT: minbase; empty for debootstrap's default
pristine_root() {
  local suite=$1 variant=$2 base mirror
  base=$roots/base-$suite-${variant:-default}
  if [ ! -d "$base" ]; then
    # Images often come without apt's lists, and then it cannot say whose the repositories are.
    [ -n "$(repositories "$suite")" ] || apt-get -q update >/dev/null
    mirror=$(repositories "$suite" | awk -v suite="$suite" '$2 == suite { print $1; exit }')
    [ -n "$mirror" ] || { echo "roots: apt knows no Debian mirror" >&2; return 2; }
    mkdir -p "$roots"
    rm -rf "$base.new"
    debootstrap ${variant:+--variant="$variant"} "$suite" "$base.new" "$mirror" \
      >"$roots/debootstrap.log" || { tail "$roots/debootstrap.log" >&2; return 1; }
    repositories "$suite" | sed 's/^\(.*\) \(.*\)$/deb \1 \2 main/' >"$base.new/etc/apt/sources.list"
    mv "$base.new" "$base"
  fi
  echo "$base"
}

# Its own process namespace: whatever is left in it when process 1 ends is ended by the kernel. The root
# is a mount of its own, so that it may be done again inside.
# in_root ROOT COMMAND...
in_root() {
  env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    unshare --mount --pid --fork --ipc --kill-child sh -c 'mount --bind "$1" "$1" && exec chroot "$@"' sh "$@"
}

# The files of the repository as they are, committed or not: copy_worktree FROM TO
copy_worktree() {
  mkdir -p "$2"
  (cd "$1" && git ls-files -coz --exclude-standard | tar --null -T - -c) | tar -C "$2" -x
}
