#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Follows docs/guide.md: clones this repository's last commit into a temporary folder and runs every
# block of shell commands of the page there, in order, in one shell that stops at the first failure.
# Then looks whether the files that the page speaks of are there and whole.
#   tests/guide.sh [--keep] [--programs FOLDER]
#     --keep             leave the folder, and say where it is
#     --programs FOLDER  take the programs that are there instead of building them, which takes
#                        minutes: the first block is left out. This is e2e.guide.
# The page uses the default ports and folders: the script has a network and a home of its own, where
# the system lets it have these (unshare).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
usage() { echo "guide: $1; usage: tests/guide.sh [--keep] [--programs FOLDER]" >&2; exit 2; }
keep=false
programs=
arguments=("$@")
while [ $# -gt 0 ]; do
  case "$1" in
    --keep) keep=true ;;
    --programs) programs=$(cd "${2:?a folder must follow --programs}" && pwd); shift ;;
    *) usage "unknown option $1" ;;
  esac
  shift
done
set -- "${arguments[@]}"

# In a network of its own, if that can be had: only loopback, all ports free.
if [ -z "${HEBB_GUIDE_INSIDE:-}" ] && unshare --net true 2>/dev/null; then
  HEBB_GUIDE_INSIDE=1 exec unshare --net bash -c 'ip link set lo up && exec "$0" "$@"' "$0" "$@"
fi

# The page uses the ports 7070 and 7071; where they are taken there is nothing to prove.
if [ -n "$programs" ] && [ -z "${HEBB_GUIDE_INSIDE:-}" ]; then
  for port in 7070 7071; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "skipped: port $port is taken, and this system gives no network of one's own (unshare)"
      exit 77
    fi
  done
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/hebb-guide-XXXXXX")
clone=$work/hebb
mkdir "$work/home"
export HOME=$work/home
unset XDG_STATE_HOME XDG_DATA_HOME XDG_CONFIG_HOME HEBB_ADDRESS HEBB_DATA_DIR HEBB_CREDENTIALS NO_COLOR
unset BASH_ENV ENV

finish() {
  local rc=$?
  "${programs:-$clone/build/bin}/hebb" down >/dev/null 2>&1 || true
  if $keep; then echo "kept: $work"; else rm -rf "$work"; fi
  if [ $rc -eq 0 ]; then echo "guide: followed in $SECONDS s"; else echo "guide: FAILED" >&2; fi
  exit $rc
}
trap finish EXIT
trap 'exit 130' INT TERM

git clone --quiet "$root" "$clone"
cd "$clone"

# The blocks, each after a line that shows where it stands.
[ -z "$programs" ] || export PATH="$programs:$PATH"
awk -v page=docs/guide.md -v first="$([ -n "$programs" ] && echo 2 || echo 1)" '
  /^```sh$/ { inside = ++block >= first; if (inside) printf "echo \"== %s:%d\"\n", page, NR; next }
  /^```$/ { inside = 0; next }
  inside { print }
' docs/guide.md >"$work/guide.sh"
[ "$(grep -c '^echo "== ' "$work/guide.sh")" -ge 9 ] || { echo "guide: blocks are missing" >&2; exit 1; }
bash -euo pipefail "$work/guide.sh" </dev/null

present() { [ -s "mine/$1" ] || { echo "guide: mine/$1 is missing or empty" >&2; exit 1; }; }
for file in first.svg compare.html rules.svg rules.html rules.csv first.safetensors first.npz; do
  present "$file"
done
grep -q 'Alignment of the feedback' mine/first.svg
grep -q 'frfb' mine/rules.svg
[ "$(head -c 2 mine/first.npz)" = PK ]
