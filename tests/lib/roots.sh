# shellcheck shell=bash disable=SC2154
# Debian root file systems for tests: made by debootstrap once, kept beside the user's other caches for all
# clones and runs, and copied for each run. Needs root and debootstrap. To be sourced.

roots=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/rpoguard/roots

# What apt of this machine knows of Debian 12, and where the same mirrors have a younger release.
# repositories SUITE: lines "URI SUITE-OR-POCKET"
repositories() {
  local suite=$1 uri pocket
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN) $(COMPONENT)' 'Created-By: Packages' |
    awk '$3 == "Debian" && $4 == "main" && $2 ~ /^bookworm/ { print $1, $2 }' | sort -u |
    while read -r uri pocket; do echo "$uri ${pocket/#bookworm/$suite}"; done
}

# Prints the folder of the pristine root: nobody may change it. What it depends on is in its name.
# pristine_root SUITE VARIANT [PACKAGE...]      VARIANT: minbase; empty for debootstrap's default
pristine_root() {
  local suite=$1 variant=$2 name base
  shift 2
  name=$(IFS=+ && echo "$suite-${variant:-default}${*:++$*}")
  base=$roots/$name
  mkdir -p "$roots"
  # Of two runs at once one makes it, the other waits.
  {
    flock 9 || return
    if [ ! -d "$base" ]; then
      rm -rf "$base.new"
      if [ $# = 0 ]; then
        bootstrap "$suite" "$variant" "$base.new" || return
      else
        install_into "$(pristine_root "$suite" "$variant" 9>&-)" "$base.new" "$@" || return
      fi
      mv "$base.new" "$base" || return
    fi
  } 9>"$roots/$name.lock" >&2
  echo "$base"
}

# bootstrap SUITE VARIANT ROOT
bootstrap() {
  local suite=$1 variant=$2 root=$3 mirror
  # Images often come without apt's lists, and then it cannot say whose the repositories are.
  [ -n "$(repositories "$suite")" ] || apt-get -q update || return
  mirror=$(repositories "$suite" | awk -v suite="$suite" '$2 == suite && !found++ { print $1 }')
  [ -n "$mirror" ] || { echo "roots: apt knows no Debian mirror" >&2; return 2; }
  debootstrap ${variant:+--variant="$variant"} "$suite" "$root" "$mirror" \
    >"$root.log" || { tail "$root.log" >&2; return 1; }
  repositories "$suite" | sed 's/^\(.*\) \(.*\)$/deb \1 \2 main/' >"$root/etc/apt/sources.list"
}

# install_into BASE ROOT PACKAGE...: a copy of BASE with more packages.
install_into() {
  [ -d "$1" ] || return
  cp -a "$1" "$2" || return
  in_root "$2" sh -c 'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y \
    --no-install-recommends "$@"' sh "${@:3}"
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
