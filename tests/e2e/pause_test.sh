#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A job is paused and resumed, also over a SIGKILL of the coordinator while it is PAUSED: no step is
# done twice, and the weights are those of an undisturbed run.
source "$(dirname "$0")/lib.sh"
write_job
up s 2
long=("learning.epochs=$(epochs_for 8)" checkpoint.every_steps=100000)

id=$(submit "${long[@]}")
succeeds "$id"
expected=$(digest "$id")
total=$(get "$id" .total_steps)

id=$(submit "${long[@]}")
wait_for_step "$id" $((total / 4))
hebb pause "$id" --wait >"$WORK/out" || fail "pause: $(cat "$WORK/out")"
grep -q PAUSED "$WORK/out" || fail "not PAUSED: $(cat "$WORK/out")"
paused_at=$(get "$id" .step)
hebb pause "$id" >/dev/null    # again: nothing happens
equal "$(get "$id" .state)" PAUSED "state"
kill -KILL "$(pid_of s coordinator)"
eventually 60 "the coordinator is back" hebb list
equal "$(get "$id" .state)" PAUSED "state after the coordinator's end"
hebb resume "$id" >/dev/null
hebb resume "$id" >/dev/null
succeeds "$id"
equal "$(get "$id" '.attempts | length')" 2 "attempts"
equal "$(get "$id" '.attempts[0].outcome')" paused "outcome"
equal "$(get "$id" '.attempts[1].start_step')" "$paused_at" "the step from which it went on"
equal "$(digest "$id")" "$expected" "digest after a pause at step $paused_at"

expect 5 hebb pause "$id"
said "SUCCEEDED is final"
expect 6 hebb pause j-nothere

# One that waits is paused at once, and can be cancelled.
id=$(submit resources.workers=8 resources.min_workers=8)
hebb pause "$id" >/dev/null
equal "$(get "$id" .state)" PAUSED "a queued job's state"
hebb cancel "$id" >/dev/null
equal "$(get "$id" .state)" CANCELLED "state"
passed
