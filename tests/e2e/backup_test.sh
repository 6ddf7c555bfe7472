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

# What a state folder has on record of the job; the service shows its step half a second late.
record() { sqlite3 -cmd '.timeout 10000' "$WORK/$1/state.db" "SELECT $2 FROM $3" | tail -n 1; }
newest_checkpoint() { record "$1" 'coalesce(max(step), 0)' "checkpoint WHERE job = '$id'"; }
has_checkpoint() { [ "$(newest_checkpoint first)" -gt 0 ]; }

id=$(submit "learning.epochs=$epochs")
eventually 60 "a checkpoint of job $id" has_checkpoint
"$BACKUP" "$WORK/first" "$WORK/copy" || fail "no backup"
at=$(newest_checkpoint copy)
equal "$(record copy state "job WHERE id = '$id'")" RUNNING "state in the backup"
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
[ "$at" -gt 0 ] || fail "the backup has no checkpoint of it"
equal "$(get "$id" '.attempts[-1].start_step')" "$at" "the step it went on from"

# A backup without a file that its database names is none.
rm -rf "$WORK/copy2"
sha=$(sqlite3 "$WORK/copy/state.db" "SELECT sha256 FROM checkpoint LIMIT 1")
down copy
rm "$WORK/copy/blobs/${sha:0:2}/$sha"
expect 1 "$BACKUP" "$WORK/copy" "$WORK/copy2"
said "$sha"
[ ! -e "$WORK/copy2" ] || fail "half a backup"
passed
