#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of the coordinator in mid-run: the gang trains on, the result is delivered to the new
# one, nothing is done twice and the bits are the same. A client that follows stays with the job.
# Old files that nothing needs, such as a crash leaves, are gone afterwards.
source "$(dirname "$0")/lib.sh"
write_job
up s 2
epochs=$(epochs_for 8)

id=$(submit "learning.epochs=$epochs")
succeeds "$id"
expected=$(digest "$id")

# plant CONTENT AGE: a stored file that no record names
plant() {
  local sha256 file
  sha256=$(printf %s "$1" | sha256sum | cut -d' ' -f1)
  file=$WORK/s/blobs/${sha256:0:2}/$sha256
  mkdir -p "$(dirname "$file")"
  printf %s "$1" >"$file"
  touch -d "$2" "$file"
  echo "$file"
}
orphan=$(plant orphan "25 hours ago")
upload=$(plant upload "23 hours ago")

id=$(submit "learning.epochs=$epochs")
hebb watch "$id" >"$WORK/watch.out" 2>"$WORK/watch.err" &
watcher=$!
wait_for_step "$id" 30
before=$(pid_of s coordinator)
kill -KILL "$before"
back() { [ "$(pid_of s coordinator)" != "$before" ] && hebb list >/dev/null 2>&1; }
eventually 30 "the coordinator is back" back
succeeds "$id"
equal "$(get "$id" '.attempts | length')" 1 "attempts"
equal "$(get "$id" '.attempts[0].generation')" 1 "generations"
equal "$(digest "$id")" "$expected" "digest after the loss of the coordinator"
wait "$watcher" || fail "watch: $(cat "$WORK/watch.err")"
[ ! -e "$orphan" ] || fail "the orphan $orphan is still there"
[ -e "$upload" ] || fail "the young upload $upload was removed"
grep -q "SUCCEEDED" "$WORK/watch.out" || fail "watch did not see the end"
passed
