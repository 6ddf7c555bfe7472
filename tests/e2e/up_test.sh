#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `hebb up`: a taken port is one clear line; two services side by side do not disturb each other;
# what dies is started again; a log is bounded; nothing is left behind, even when the supervisor is killed.
source "$(dirname "$0")/lib.sh"
write_job
up a 1
a=$HEBB_ADDRESS

expect 5 hebb up --workers 1 --state-dir "$WORK/taken" --data-dir "$DATA" --port "${a##*:}" \
  --http-port 0 --detach
said "^hebb: port ${a##*:} .*taken.*--port"
expect 5 hebb up --workers 1 --state-dir "$WORK/a" --data-dir "$DATA" --port 0 --http-port 0
said "another .hebb up. runs on"

# A long log is set aside while its program runs.
head -c 9000000 /dev/zero | tr '\0' '\n' >>"$WORK/a/log/worker-0.log"
bytes() { stat -c %s "$WORK/a/log/worker-0.log${1:-}" 2>/dev/null || echo -1; }
set_aside() { [ "$(bytes .1)" = 8388608 ] && [ "$(bytes)" -lt 8388608 ]; }
eventually 20 "the long log is set aside" set_aside

# Without TLS and tokens the coordinator listens on the loopback only.
coordinator() { timeout 20 "$HEBB_BIN/hebb-coordinator" --state-dir "$WORK/open" "$@"; }
expect 1 coordinator --listen 0.0.0.0:0 --http 127.0.0.1:0
said "listen 0.0.0.0:0: without TLS and tokens only loopback"
expect 1 coordinator --listen 127.0.0.1:0 --http 0.0.0.0:0
said "http 0.0.0.0:0: without TLS and tokens only loopback"

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

# A worker that the coordinator refuses (exit code 3) is not started again, and `up` says so.
cat >"$WORK/refused" <<SH
#!/bin/sh
echo start >>"$WORK/starts"
echo "refused by the coordinator: speaks protocol 0" >&2
exit 3
SH
cat >"$WORK/refused_later" <<SH
#!/bin/sh
if mkdir "$WORK/attached" 2>/dev/null; then exec "$HEBB_BIN/hebb-worker" "\$@"; fi
exec "$WORK/refused"
SH
chmod +x "$WORK/refused" "$WORK/refused_later"
expect 5 hebb up --workers 2 --state-dir "$WORK/c" --data-dir "$DATA" --port 0 --http-port 0 \
  --worker-program "$WORK/refused" --detach
said "refuses the workers; install the same version"
said "speaks protocol 0"
equal "$(wc -l <"$WORK/starts")" 2 "starts of two refused workers"

rm "$WORK/starts"
up d 1 --worker-program "$WORK/refused_later"
eventually 20 "the service is ready" grep -q "^ready" "$WORK/d/log/up.log"
kill -KILL "$(jq '.workers[0].pid' "$WORK/d/up.json")"
refused() { grep -q "worker-0 was refused .* is not started again" "$WORK/d/log/up.log"; }
eventually 20 "the refusal is told" refused
no_worker() { [ "$(hebb workers -o json | jq length)" = 0 ]; } # the coordinator goes on
eventually 20 "the lost worker is forgotten" no_worker # after ten of the pauses before a new start
equal "$(wc -l <"$WORK/starts")" 1 "starts of a worker that is refused"
down d

# The jobs are still there after a new start.
up a 1
[ "$(hebb list --all -o json | jq length)" = 1 ] || fail "the job is lost"
passed
