#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What scripts rely on: output shapes, exit codes, one-line errors, idempotence of the small verbs.
source "$(dirname "$0")/lib.sh"
write_job

expect 2 hebb
expect 2 hebb frobnicate
said "^hebb: "
expect 0 hebb --help
grep -q "Exit codes:" "$WORK/out" || fail "--help shows no exit codes"
HEBB_ADDRESS=127.0.0.1:1 expect 7 hebb list
said "no coordinator answers at 127.0.0.1:1"
expect 0 hebb down --state-dir "$WORK/nothing"

up s 1
expect 6 hebb describe nosuchjob
said "nosuchjob"
expect 6 hebb wait nosuchjob
expect 6 hebb submit "$WORK/missing.yaml"

# A job that no worker here can run waits, and says for what.
id=$(submit resources.device=cuda resources.workers=1)
eventually 10 "the reason is stored" is "$id" '.reason | test("cuda")' true
is "$id" .state QUEUED || fail "not queued"
equal "$(hebb list -o json | jq -r '.[0].state')" QUEUED "list"
expect 8 hebb wait "$id" --timeout 1
said "still QUEUED"
expect 0 hebb cancel "$id" --dry-run
grep -q "would cancel job $id (e2e, QUEUED)" "$WORK/out" || fail "dry cancel: $(cat "$WORK/out")"
expect 0 hebb archive "$id" --dry-run
grep -q "would not archive job $id" "$WORK/out" || fail "dry archive: $(cat "$WORK/out")"
is "$id" .state QUEUED || fail "a dry run has cancelled"
expect 0 hebb cancel "$id"
expect 4 hebb wait "$id"
expect 0 hebb cancel "$id"

expect 0 hebb validate "$WORK/job.yaml" -o json
jq -e '.layers | length == 5' "$WORK/out" >/dev/null || fail "validate: $(cat "$WORK/out")"
jobs=$(hebb list --all -o json | jq length)
expect 0 hebb submit "$WORK/job.yaml" --dry-run
said "would be taken; nothing was submitted"
grep -q "^dense1 " "$WORK/out" || fail "a dry run shows no layers: $(cat "$WORK/out")"
expect 5 hebb submit "$WORK/job.yaml" --dry-run --set learning.epochs=-1
expect 5 hebb submit "$WORK/job.yaml" --dry-run --set init.from=none.safetensors
said "cannot read the initial weights"
equal "$(hebb list --all -o json | jq length)" "$jobs" "jobs after dry runs"
expect 0 hebb workers -o json
jq -e 'length == 1 and .[0].state == "idle" and .[0].device == "cpu"' "$WORK/out" >/dev/null ||
  fail "workers: $(cat "$WORK/out")"
worker=$(jq -r '.[0].id' "$WORK/out")
expect 0 hebb drain "$worker" --dry-run
grep -q "would drain worker $worker (idle)" "$WORK/out" || fail "dry drain: $(cat "$WORK/out")"
expect 0 hebb drain "$worker" --undo --dry-run
grep -q "would not undo the drain of worker $worker" "$WORK/out" || fail "dry undo: $(cat "$WORK/out")"
expect 6 hebb drain w-nothere --dry-run
equal "$(hebb workers -o json | jq -r '.[0].state')" idle "a worker after dry drains"
expect 0 hebb drain "$worker"
expect 0 hebb drain "$worker" --dry-run
grep -q "would not drain worker $worker (draining)" "$WORK/out" || fail "dry drain: $(cat "$WORK/out")"
expect 0 hebb drain "$worker" --undo
expect 0 hebb list --all -o yaml
grep -q "state: CANCELLED" "$WORK/out" || fail "yaml: $(cat "$WORK/out")"
equal "$(hebb list -o json)" "[]" "list of those under way"
equal "$(hebb list --state cancelled -o json | jq -r '.[].id')" "$id" "list --state"
equal "$(hebb list --state queued,running -o json)" "[]" "list --state of two"
equal "$(hebb list --all --name nothing -o json)" "[]" "list --name"
equal "$(hebb list --archived -o json)" "[]" "list --archived"
equal "$(hebb list --all --limit 1 -o json | jq length)" 1 "list --limit"
expect 5 hebb list --state nonsense
said "no job state"
passed
