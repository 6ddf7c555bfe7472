#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Follows docs/guide.md: clones this repository's last commit into a temporary folder and runs every
# block of shell commands of the page there, in order, in one shell that stops at the first failure.
# Then looks whether the files that the page speaks of are there and whole. Not in ctest: it builds
# everything, which takes minutes.
#   tests/guide.sh [--keep]     --keep: leave the folder, and say where it is
# The page uses the default ports and folders: the script has a network and a home of its own, where
# the system lets it have these (unshare).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
keep=false
case "${1:-}" in
  '') ;;
  --keep) keep=true ;;
  *) echo "guide: unknown option $1; usage: tests/guide.sh [--keep]" >&2; exit 2 ;;
esac

# In a network of its own, if that can be had: only loopback, all ports free.
if [ -z "${HEBB_GUIDE_INSIDE:-}" ] && unshare --net true 2>/dev/null; then
  HEBB_GUIDE_INSIDE=1 exec unshare --net bash -c 'ip link set lo up && exec "$0" "$@"' "$0" "$@"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/hebb-guide-XXXXXX")
clone=$work/hebb
mkdir "$work/home"
export HOME=$work/home
unset XDG_STATE_HOME XDG_DATA_HOME XDG_CONFIG_HOME HEBB_ADDRESS HEBB_DATA_DIR HEBB_CREDENTIALS NO_COLOR
unset BASH_ENV ENV

finish() {
  local rc=$?
  "$clone/build/bin/hebb" down >/dev/null 2>&1 || true
  if $keep; then echo "kept: $work"; else rm -rf "$work"; fi
  if [ $rc -eq 0 ]; then echo "guide: followed in $SECONDS s"; else echo "guide: FAILED" >&2; fi
  exit $rc
}
trap finish EXIT
trap 'exit 130' INT TERM

git clone --quiet "$root" "$clone"
cd "$clone"

# The blocks, each after a line that shows where it stands.
awk -v page=docs/guide.md '
  /^```sh$/ { inside = 1; printf "echo \"== %s:%d\"\n", page, NR; next }
  /^```$/ { inside = 0; next }
  inside { print }
' docs/guide.md >"$work/guide.sh"
[ "$(grep -c '^echo "== ' "$work/guide.sh")" -ge 10 ] || { echo "guide: blocks are missing" >&2; exit 1; }
bash -euo pipefail "$work/guide.sh" </dev/null

present() { [ -s "mine/$1" ] || { echo "guide: mine/$1 is missing or empty" >&2; exit 1; }; }
for file in first.svg compare.html rules.svg rules.html rules.csv first.safetensors first.npz; do
  present "$file"
done
grep -q 'Alignment of the feedback' mine/first.svg
grep -q 'frfb' mine/rules.svg
[ "$(head -c 2 mine/first.npz)" = PK ]
