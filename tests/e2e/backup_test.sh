#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A backup that is taken while a job trains: the service is lost, another starts on the backup, has all
# jobs, files and logs, and trains the job to the weights of an undisturbed run.
source "$(dirname "$0")/lib.sh"
BACKUP=$(cd "$(dirname "$0")/../../deploy/backup" && pwd)/hebb-backup.sh
command -v sqlite3 >/dev/null || skip "no sqlite3 here (deploy/local/install-deps.sh --tests)"

write_job
up first 2
epochs=5
done_id=$(submit "learning.epochs=$epochs")
succeeds "$done_id"
want=$(digest "$done_id")

id=$(submit "learning.epochs=$epochs")
wait_for_step "$id" 40
"$BACKUP" "$WORK/first" "$WORK/copy" || fail "no backup"
at=$(get "$id" .step)
is "$id" .state RUNNING || fail "the job had ended before the backup was taken"
expect 1 "$BACKUP" "$WORK/first" "$WORK/copy"
said "is there already"
expect 1 "$BACKUP" "$WORK/data" "$WORK/other"
said "no state.db"

# The machine is gone. Its folder with it.
down first
mv "$WORK/first" "$WORK/lost"
up copy 2
equal "$(get "$done_id" .state)" SUCCEEDED "state of the ended job"
equal "$(digest "$done_id")" "$want" "weights of the ended job"
hebb logs "$done_id" >"$WORK/logs"
grep -q "finished at step" "$WORK/logs" || fail "no logs: $(cat "$WORK/logs")"
succeeds "$id"
equal "$(digest "$id")" "$want" "weights after the restore"
start=$(get "$id" '.attempts[-1].start_step')
[ "$start" -gt 0 ] || fail "it began anew"
[ "$start" -le "$at" ] || fail "it began at step $start, beyond the backup's $at"

# A backup without a file that its database names is none.
rm -rf "$WORK/copy2"
sha=$(sqlite3 "$WORK/copy/state.db" "SELECT sha256 FROM checkpoint LIMIT 1")
down copy
rm "$WORK/copy/blobs/${sha:0:2}/$sha"
expect 1 "$BACKUP" "$WORK/copy" "$WORK/copy2"
said "$sha"
[ ! -e "$WORK/copy2" ] || fail "half a backup"
passed
