#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `hebb doctor` against real services and real faults: no coordinator, a wrong token, no workers, one
# that is frozen or drains, folders that are full, read-only or none; and a sound service.
source "$(dirname "$0")/lib.sh"
PIDS=()
finish() {
  for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${PIDS[@]}"; do wait "$pid" 2>/dev/null || true; done
  cleanup
}
trap finish EXIT

# doctor CODE [options]: its JSON is in $WORK/doctor.json then.
doctor() {
  local code=$1
  shift
  expect "$code" hebb doctor --state-dir "$WORK/s" --data-dir "$DATA" -o json "$@"
  cp "$WORK/out" "$WORK/doctor.json"
}
verdict() { jq -r --arg c "$1" '.checks[] | select(.check == $c) | .verdict' "$WORK/doctor.json"; }
is_verdict() {
  equal "$(verdict "$1")" "$2" "verdict of $1 in $(jq -c .checks "$WORK/doctor.json")"
}
# Everything that is not ok says what to do.
all_have_remedies() {
  jq -e 'all(.checks[] | select(.verdict == "warning" or .verdict == "failed"); .remedy != "")' \
    "$WORK/doctor.json" >/dev/null || fail "a finding without a remedy"
}

# No coordinator.
HEBB_ADDRESS=127.0.0.1:1 doctor 1
is_verdict coordinator.reachable failed
all_have_remedies
equal "$(jq -r .verdict "$WORK/doctor.json")" failed "the worst"
HEBB_ADDRESS=127.0.0.1:1 doctor 0 --local
is_verdict coordinator.reachable skipped
is_verdict disk.data ok
is_verdict program.worker ok
is_verdict program.gloo ok
doctor 0 --local --conformance --seed 5
is_verdict conformance.gpu skipped
is_verdict conformance.nccl skipped
for check in cpu cpu_bits products gloo "cpu.weight_mirror" "gloo.tree sum, 4 ranks" \
  "gloo.library's own sum, 2 ranks"; do
  is_verdict "conformance.$check" ok
done
if command -v mpirun >/dev/null; then
  is_verdict "conformance.mpi.tree sum, 4 ranks" ok
else
  is_verdict conformance.mpi skipped
fi
grep -q '"5, for `--seed`' "$WORK/doctor.json" || fail "the seed is not told"
[ "$(jq '[.checks[] | select(.check | startswith("conformance.cpu."))] | length' "$WORK/doctor.json")" -ge 100 ] ||
  fail "not every comparison is in the JSON"
expect 0 hebb doctor --local --state-dir "$WORK/s" --data-dir "$DATA" --conformance --seed 5
[ "$(grep -c '^ok  *conformance\.cpu' "$WORK/out")" -eq 2 ] || fail "more than a line for each group"
# A worker whose report says that a step differs, and one that says nothing.
printf '#!/bin/sh\necho "%s"\nexit 1\n' \
  '{\"mpi\":\"none\",\"results\":[{\"group\":\"cpu\",\"name\":\"bp\",\"worst\":\"a.weight\",\"difference\":1,\"limit\":1e-5,\"conforms\":false}]}' \
  >"$WORK/differs"
printf '#!/bin/sh\nexit 1\n' >"$WORK/silent"
chmod +x "$WORK/differs" "$WORK/silent"
doctor 1 --local --conformance --worker-program "$WORK/differs"
is_verdict conformance.cpu.bp failed
all_have_remedies
doctor 1 --local --conformance --worker-program "$WORK/silent"
is_verdict conformance failed
expect 2 hebb doctor --local --seed 5

# A sound service, in JSON and for people.
up s 2 --detect-within 1s
world=()
command -v mpirun >/dev/null && world=(--mpi)
doctor 0 "${world[@]}"
for check in coordinator.version coordinator.access coordinator.times clock.offset \
  workers.attached workers.kernels workers.builds program.worker program.libraries; do
  is_verdict $check ok
done
[ ${#world[@]} -eq 0 ] || is_verdict mpi.world ok
equal "$(jq '[.checks[] | select(.check | startswith("worker."))] | length' "$WORK/doctor.json")" 2 "workers"
equal "$(jq -r '.times[] | select(.name == "heartbeat") | .seconds' "$WORK/doctor.json")" 0.25 "heartbeat"
expect 0 hebb doctor --state-dir "$WORK/s" --data-dir "$DATA" -o wide
grep -q "^TIME .*WHAT FOR" "$WORK/out" || fail "no table of times with -o wide"
grep -q "^ok  *coordinator.version" "$WORK/out" || fail "no line of the coordinator"

# A worker that drains, and one that is frozen.
first=$(hebb workers -o json | jq -r '.[0].id')
second=$(hebb workers -o json | jq -r '.[1].id')
frozen=$(hebb workers -o json | jq -r '.[1].pid')
hebb drain "$first" >/dev/null 2>&1
kill -STOP "$frozen"
silent() {
  doctor 0
  [ "$(verdict "worker.${second:0:8}")" = warning ]
}
eventually 30 "the frozen worker is reported" silent
kill -CONT "$frozen"
is_verdict "worker.${first:0:8}" warning
all_have_remedies
down s

# A secured coordinator without workers, and a token that it does not know.
hebb certs init "$WORK/cluster" --user vic:viewer >/dev/null
"$HEBB_BIN/hebb-coordinator" --listen 127.0.0.1:0 --http 127.0.0.1:0 --state-dir "$WORK/secured" \
  --detect-within 400ms --credentials "$WORK/cluster/coordinator" >"$WORK/coordinator.log" 2>&1 &
PIDS+=($!)
started() { [ -s "$WORK/secured/coordinator.json" ]; }
eventually 30 "the coordinator serves" started
HEBB_ADDRESS=$(jq -r .address "$WORK/secured/coordinator.json")
export HEBB_ADDRESS
doctor 0 --credentials "$WORK/cluster/users/vic"
is_verdict workers.attached warning
grep -q "vic with the role viewer" "$WORK/doctor.json" || fail "the caller's role is not told"
equal "$(jq -r '.times[] | select(.name == "heartbeat") | .seconds' "$WORK/doctor.json")" 0.1 "heartbeat"
cp -r "$WORK/cluster/users/vic" "$WORK/stranger"
echo 0123456789abcdef >"$WORK/stranger/token"
doctor 1 --credentials "$WORK/stranger"
is_verdict coordinator.reachable failed
grep -q "token is not known" "$WORK/doctor.json" || fail "the cause is not told"
doctor 1 # without any
is_verdict coordinator.reachable failed
for knob in 20ms 20m; do
  expect 2 hebb up --state-dir "$WORK/none" --detect-within $knob
  said "100ms to 10m"
  ! "$HEBB_BIN/hebb-coordinator" --state-dir "$WORK/none" --detect-within $knob 2>"$WORK/err" ||
    fail "a coordinator with --detect-within $knob"
done
said "100ms to 10m"

# Folders.
touch "$WORK/file"
DATA=$WORK/file/data doctor 1 --local
is_verdict disk.data failed
if unshare -m true 2>/dev/null; then
  mkdir "$WORK/disk"
  # What the doctor says of a disk of our own in a mount namespace of our own.
  on_disk() {
    expect 1 unshare -m bash -ec "mount -t tmpfs -o size=256k tmpfs '$WORK/disk'; $1
      exec '$HEBB_BIN/hebb' doctor --local -o json --state-dir '$WORK/disk' --data-dir '$WORK/disk'"
    cp "$WORK/out" "$WORK/doctor.json"
    is_verdict disk.state failed
    is_verdict disk.data failed
    grep -q "$2" "$WORK/doctor.json" || fail "no '$2' in $(cat "$WORK/doctor.json")"
  }
  on_disk "dd if=/dev/zero of='$WORK/disk/fill' bs=1k count=4096 2>/dev/null || true" "No space left"
  on_disk "mount -o remount,ro '$WORK/disk'" "Read-only"
else
  echo "no mount namespaces here: full and read-only disks are not tried"
fi
all_have_remedies
passed
