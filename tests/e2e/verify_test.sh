#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Weights are checked while a job runs and afterwards: replicas that differ fail the job, `hebb
# verify` finds the step at which one worker's memory failed, and finds nothing in a sound job.
source "$(dirname "$0")/lib.sh"
write_job
up s 1

# start_faulty STEP: a worker one bit of whose weights changes after that step; its pid in $faulty.
start_faulty() {
  HEBB_TEST_FLIP_STEP=$1 "$HEBB_BIN/../tests/hebb-faulty-worker" --coordinator "$HEBB_ADDRESS" \
    --data-dir "$DATA" --work-dir "$WORK/faulty" --threads 1 2>"$WORK/faulty.log" &
  faulty=$!
  eventually 30 "the faulty worker is attached" worker_attached "$faulty"
}
worker_of() { hebb workers -o json | jq -r --arg pid "$1" '.[] | select((.pid|tostring) == $pid) | .id'; }
worker_attached() { [ -n "$(worker_of "$1")" ]; }
stop_faulty() {
  kill -TERM "$faulty"
  wait "$faulty" || true
}

# A sound job, trained again by one and by two, from its start and from a checkpoint.
sound=$(submit digests.every_steps=10 resources.workers=1)
succeeds "$sound"
total=$(get "$sound" .total_steps)
expect 0 hebb verify "$sound" --follow
said "trains steps 0 to $total of job $sound again"
grep -q "steps 0 to $total trained again, .* all the same" "$WORK/out" || fail "$(cat "$WORK/out")"
expect 0 hebb verify "$sound" --from 65 --follow -o json
last_kept=$(jq -r .from_step "$WORK/out")
[ "$last_kept" -le 65 ] || fail "began at step $last_kept"
hebb describe "$sound" | grep -qE "digest chain +[0-9a-f]{64} at step $total" ||
  fail "describe shows no chain: $(hebb describe "$sound")"
expect 5 hebb verify "$sound" --from "$total" --follow
said "no weights digest on record after step"
expect 5 hebb verify "$sound" --from 20 --to 10
expect 6 hebb verify j-nothere

# By two workers, the other of which is sound until then.
start_faulty 1000000
expect 0 hebb verify "$sound" --workers 2 --follow
stop_faulty

# Replicas: one of two has a flipped bit.
start_faulty 25
id=$(submit digests.every_steps=10 resources.workers=2 resources.min_workers=2)
expect 3 hebb wait "$id" --timeout 120
get "$id" .reason >"$WORK/err"
said "step 30: replicas differ: rank . \(worker .*host .*rank . \(worker"

# One worker alone: only training it again can tell.
other=$(hebb workers -o json | jq -r --arg pid "$faulty" '.[] | select((.pid|tostring) != $pid) | .id')
hebb drain "$other" >/dev/null
stop_faulty
start_faulty 25
id=$(submit digests.every_steps=10 resources.workers=1)
succeeds "$id"
stop_faulty
hebb drain "$other" --undo >/dev/null
grep -q "a bit was flipped" "$WORK/faulty.log" || fail "no bit was flipped: $(cat "$WORK/faulty.log")"
[ "$(digest "$id")" != "$(digest "$sound")" ] || fail "the flipped bit had no effect"
expect 3 hebb verify "$id" --follow
said "the first record that differs is of step 30, the one before, of step 20, is the same"
hebb compare "$sound" "$id" -o json >"$WORK/compare.json"
equal "$(jq .first_different_step "$WORK/compare.json")" 30 "first step of other weights"
equal "$(jq -c '[.spec[].key]' "$WORK/compare.json")" "[]" "keys that differ"
hebb compare "$sound" "$id" -o "$WORK/compare.html" 2>/dev/null
grep -q "<svg" "$WORK/compare.html" || fail "no curve in the comparison"
passed
