#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copies the state of a coordinator, which may run meanwhile. docs/backup.md.
#   hebb-backup.sh STATE_DIR NEW_FOLDER
# The copy is a state folder itself: start a coordinator on it, or copy it back. It is complete, with
# every checkpoint that its database names, or the script says what is missing and ends with 1.
set -euo pipefail

[ $# -eq 2 ] || { echo "usage: hebb-backup.sh STATE_DIR NEW_FOLDER" >&2; exit 2; }
from=$1 to=$2
say() { echo "hebb-backup: $*" >&2; }
command -v sqlite3 >/dev/null || { say "no sqlite3 in PATH; install it (Debian: sqlite3)"; exit 1; }
[ -f "$from/state.db" ] || { say "$from: no state.db in it; name a coordinator's --state-dir"; exit 1; }
[ ! -e "$to" ] || { say "$to is there already; name a new folder"; exit 1; }

umask 077
part=$to.part
rm -rf "$part"
mkdir -p "$part/blobs"
trap 'rm -rf "$part"' EXIT

# Stored files are named by their content and never change, so that those which are there need not be
# copied again; what vanishes meanwhile is no checkpoint any more.
copy_blobs() {
  (cd "$from/blobs" && find . -type f -path './??/*') | while read -r file; do
    [ -e "$part/blobs/$file" ] && continue
    mkdir -p "$part/blobs/$(dirname "$file")"
    cp -p "$from/blobs/$file" "$part/blobs/$file" 2>/dev/null || rm -f "$part/blobs/$file"
  done
}

missing() {
  sqlite3 "$part/state.db" "SELECT sha256 FROM checkpoint" | while read -r sha; do
    file=$part/blobs/${sha:0:2}/$sha
    [ "$(sha256sum 2>/dev/null <"$file" | cut -d' ' -f1)" = "$sha" ] || echo "$sha"
  done 2>/dev/null
}

# Files, then the database, then the files that came meanwhile: a checkpoint that the database names
# was there at one of the two looks, unless it was dropped just then.
for try in 1 2 3; do
  copy_blobs
  rm -f "$part/state.db"
  sqlite3 "$from/state.db" ".timeout 10000" ".backup '$part/state.db'"
  copy_blobs
  lost=$(missing)
  [ -n "$lost" ] || break
  say "try $try: the database names files that are gone or damaged: $(echo "$lost" | tr '\n' ' ')"
done
[ -z "$lost" ] || exit 1
[ "$(sqlite3 "$part/state.db" 'PRAGMA quick_check(1)')" = ok ] ||
  { say "$from/state.db is damaged"; exit 1; }
[ ! -d "$from/logs" ] || cp -Rp "$from/logs" "$part/logs"
[ ! -f "$from/cluster_id" ] || cp -p "$from/cluster_id" "$part/"
[ ! -f "$from/audit.jsonl" ] || cp -p "$from"/audit*.jsonl "$part/"
sync -f "$part"
mv "$part" "$to"
trap - EXIT
say "$to: $(sqlite3 "$to/state.db" 'SELECT count(*) FROM job') jobs, $(du -sh "$to" | cut -f1)"
