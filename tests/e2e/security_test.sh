#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A coordinator with TLS and tokens, beyond the loopback: who may is let in, everybody else is told
# why not in one line, and no token is seen anywhere.
source "$(dirname "$0")/lib.sh"
write_job
PIDS=()
finish() {
  for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${PIDS[@]}"; do wait "$pid" 2>/dev/null || true; done
  cleanup
}
trap finish EXIT

hebb certs init "$WORK/cluster" --user ann:admin --user bob:user --user eve:user --user vic:viewer \
  >"$WORK/init.out"
expect 5 hebb certs init "$WORK/cluster"
said "hebb certs add"
[ "$(stat -c %a "$WORK/cluster/ca.key")" = 600 ] || fail "the authority's key can be read by others"

expect 1 "$HEBB_BIN/hebb-coordinator" --listen 0.0.0.0:0 --http 127.0.0.1:0 --state-dir "$WORK/open"
said "hebb certs init"

"$HEBB_BIN/hebb-coordinator" --listen 0.0.0.0:0 --http 0.0.0.0:0 --state-dir "$WORK/s" \
  --credentials "$WORK/cluster/coordinator" --user-queued bob=1 >"$WORK/coordinator.log" 2>&1 &
PIDS+=($!)
started() { [ -s "$WORK/s/coordinator.json" ]; }
eventually 30 "the coordinator serves" started
port=$(jq -r .address "$WORK/s/coordinator.json" | sed 's/.*://')
http=$(jq -r .http_address "$WORK/s/coordinator.json" | sed 's/.*://')
export HEBB_ADDRESS=127.0.0.1:$port
"$HEBB_BIN/hebb-worker" --coordinator "$HEBB_ADDRESS" --data-dir "$DATA" --threads 1 \
  --credentials "$WORK/cluster/worker" >"$WORK/worker.log" 2>&1 &
PIDS+=($!)

as() {
  local who=$1
  shift
  hebb "$@" --credentials "$WORK/cluster/users/$who"
}

id=$(as bob submit "$WORK/job.yaml" -o json 2>/dev/null | jq -r .id)
as bob wait "$id" --timeout 180 >/dev/null 2>&1 || fail "bob's job: $(as bob describe "$id")"
equal "$(as vic describe "$id" -o json | jq -r .user)" bob "owner"

expect 5 as vic submit "$WORK/job.yaml"
said "vic has the role viewer"
waiting=$(as bob submit "$WORK/job.yaml" --set resources.workers=8 --set resources.min_workers=8 -o json 2>/dev/null | jq -r .id)
expect 5 as bob submit "$WORK/job.yaml"
said "too many jobs of user bob wait: 1 do, 1 would come"
expect 5 as eve cancel "$waiting"
said "is bob's; only its owner or an admin"
as ann cancel "$waiting" >/dev/null || fail "an admin may cancel"
expect 5 as bob drain "$(as bob workers -o json | jq -r '.[0].id')"
said "for the role admin"
expect 7 hebb list
said "--credentials"
hebb certs init "$WORK/other" --user bob:admin >/dev/null
expect 7 hebb list --credentials "$WORK/other/users/bob"
said "handshake"
expect 6 hebb list --credentials "$WORK/nothing"
said "hebb certs init"

# A token that was taken back is refused within moments, without a restart.
hebb certs revoke "$WORK/cluster" vic >/dev/null
cp "$WORK/cluster/users/bob/token" "$WORK/kept"
refused() { ! as vic list >/dev/null 2>&1; }
eventually 10 "vic is refused" refused
as bob list >/dev/null || fail "bob is still let in"

# A worker with a stranger's token ends at once and says why.
cp -r "$WORK/cluster/worker" "$WORK/stranger"
echo 0123456789abcdef >"$WORK/stranger/token"
expect 3 timeout 30 "$HEBB_BIN/hebb-worker" --coordinator "$HEBB_ADDRESS" --data-dir "$DATA" \
  --threads 1 --credentials "$WORK/stranger"
said "token is not known"

# HTTP: probes are open, the rest is not.
web() { curl -s --cacert "$WORK/cluster/ca.crt" -o "$WORK/web" -w '%{http_code}' "$@"; }
equal "$(web "https://127.0.0.1:$http/healthz")" 200 "healthz"
equal "$(web "https://127.0.0.1:$http/metrics")" 401 "metrics without a token"
equal "$(web -H "Authorization: Bearer $(cat "$WORK/cluster/users/ann/token")" \
  "https://127.0.0.1:$http/metrics")" 200 "metrics with a token"

as ann audit-events -o json >"$WORK/audit.json"
jq -e '[.[] | select(.user == "eve" and .outcome == "PERMISSION_DENIED")] | length == 1' \
  "$WORK/audit.json" >/dev/null || fail "eve's try is not in the audit trail"

# No token anywhere but in its own file.
for token in "$WORK"/cluster/users/*/token "$WORK/cluster/worker/token"; do
  text=$(cat "$token")
  for place in "$WORK/s" "$WORK/coordinator.log" "$WORK/worker.log" "$WORK/web" "$WORK/out" "$WORK/err" \
    "$WORK/cluster/coordinator" "$WORK/init.out"; do
    ! grep -rqF "$text" "$place" || fail "a token is seen in $place"
  done
done
for pid in "${PIDS[@]}"; do
  ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$(cat "$WORK/cluster/worker/token")" || fail "a token on a command line"
done
passed
