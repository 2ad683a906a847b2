# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts share. Source it: . "$(dirname "$0")/common.sh"
# It sets `root` (the source tree) and `jobs`, and goes to the source tree.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc)
cd "$root"
mkdir -p build

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# The way to become root, or nothing and failure.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo "$@"
  else
    return 1
  fi
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need_packages GROUP...: installs what scripts/packages lists for the groups
# and is not there yet.
need_packages() {
  local group package rest
  local missing=()
  while read -r group package rest; do
    case " $* " in
      *" $group "*) is_installed "$package" || missing+=("$package") ;;
    esac
  done < <(grep -v '^#' scripts/packages)
  [ ${#missing[@]} = 0 ] && return 0

  if ! as_root true; then
    fail "these Debian packages are missing: ${missing[*]}
Install them (apt-get install ${missing[*]}), or run this script as root or with sudo."
  fi
  say "installing ${missing[*]}"
  if [ -z "$(apt-cache madison "${missing[0]}" 2>/dev/null)" ]; then
    as_root apt-get update -qq
  fi
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
    fail "could not install ${missing[*]} (apt-get's message is above)"
}

# configure DIR [CMAKE-ARGS...]: configures a build folder once; Ninja itself
# does so again when a CMakeLists.txt changes.
configure() {
  local dir=$1
  shift
  local wanted="$*"
  if [ -f "$dir/build.ninja" ] && [ "$(cat "$dir/.configured" 2>/dev/null)" = "$wanted" ]; then
    return 0
  fi
  say "configuring $dir"
  local launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  cmake -G Ninja -S "$root" -B "$dir" "${launcher[@]}" "$@" >&2
  printf '%s' "$wanted" >"$dir/.configured"
}
