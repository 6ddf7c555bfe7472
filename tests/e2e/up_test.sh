#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `hebb up`: a taken port is one clear line; two services side by side do not disturb each other;
# what dies is started again; nothing is left behind, even when the supervisor is killed.
source "$(dirname "$0")/lib.sh"
write_job
up a 1
a=$HEBB_ADDRESS

expect 5 hebb up --workers 1 --state-dir "$WORK/taken" --data-dir "$DATA" --port "${a##*:}" \
  --http-port 0 --detach
said "^hebb: port ${a##*:} .*taken.*--port"
expect 5 hebb up --workers 1 --state-dir "$WORK/a" --data-dir "$DATA" --port 0 --http-port 0
said "another .hebb up. runs on"

up b 1
b=$HEBB_ADDRESS
[ "$a" != "$b" ] || fail "one address for two"
HEBB_ADDRESS=$a hebb submit "$WORK/job.yaml" --set resources.workers=1 >/dev/null 2>&1
equal "$(hebb list --all -o json)" "[]" "the other service's jobs"
down b
HEBB_ADDRESS=$a hebb list --all >/dev/null

# Killed processes are started again.
use "$WORK/a"
worker=$(jq '.workers[0].pid' "$WORK/a/up.json")
kill -KILL "$worker"
other_worker() { [ "$(hebb workers -o json | jq '.[0].pid // 0')" -ne "$worker" ] &&
  [ "$(hebb workers -o json | jq length)" = 1 ]; }
eventually 20 "the worker is started again" other_worker

# The supervisor's sudden end ends the others.
coordinator=$(pid_of a coordinator)
kill -KILL "$(pid_of a supervisor)"
gone() { [ ! -d "/proc/$coordinator" ] && [ -z "$(ours)" ]; }
eventually 10 "no process outlives the supervisor" gone
expect 0 hebb down --state-dir "$WORK/a"

# The jobs are still there after a new start.
up a 1
[ "$(hebb list --all -o json | jq length)" = 1 ] || fail "the job is lost"
passed
