#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The units of deploy/systemd: systemd-analyze finds no fault and rates them hardened, and their command
# lines start a coordinator and a worker that belong together.
source "$(dirname "$0")/lib.sh"
UNITS=$(cd "$(dirname "$0")/../../deploy/systemd" && pwd)

# The command of a unit, with its default environment and its folders below ours.
command_of() {
  local file=$UNITS/$1 line name
  while read -r line; do
    for name in $line; do export "${name?}"; done
  done < <(sed -n 's/^Environment=//p' "$file" | sed "s,%C,$WORK/cache,g")
  line=$(sed -n 's/^ExecStart=//p' "$file")
  line=${line//%S/$WORK\/state}
  line=${line//%i/1}
  line=${line//\/usr\/local\/bin/$HEBB_BIN}
  case $1 in *coordinator*) HEBB_LISTEN=127.0.0.1:0 HEBB_HTTP=127.0.0.1:0 ;; esac
  HEBB_COORDINATOR=${HEBB_ADDRESS:-}
  HEBB_OPTIONS=""
  eval "echo \"$line\""
}

mkdir -p "$WORK/state/hebb" "$WORK/state/hebb-worker/1" "$WORK/cache/hebb"
coordinator=$(command_of hebb-coordinator.service)
$coordinator >"$WORK/coordinator.log" 2>&1 &
pids=($!)
eventually 20 "the coordinator is up" test -s "$WORK/state/hebb/coordinator.json"
HEBB_ADDRESS=$(jq -r .address "$WORK/state/hebb/coordinator.json")
export HEBB_ADDRESS
worker=$(command_of hebb-worker@.service)
$worker >"$WORK/worker.log" 2>&1 &
pids+=($!)
attached() { [ "$(hebb workers -o json | jq length)" = 1 ]; }
eventually 20 "the worker attached" attached
write_job
succeeds "$(submit learning.epochs=1 resources.workers=1)"
kill -TERM "${pids[1]}"
wait "${pids[1]}" || fail "the worker ended with $?"
kill -TERM "${pids[0]}"
wait "${pids[0]}" || fail "the coordinator ended with $?"

command -v systemd-analyze >/dev/null || { PASSED=true && skip "no systemd-analyze here: units not verified"; }
mkdir "$WORK/units"
for unit in "$UNITS"/*.service; do
  # It looks whether the program is there, under the path that the units have.
  sed "s,/usr/local/bin,$HEBB_BIN,; s,^\(User\|Group\)=hebb,\1=daemon," "$unit" >"$WORK/units/$(basename "$unit")"
done
out=$(systemd-analyze verify "$WORK/units/hebb-coordinator.service" \
  "$WORK/units/hebb-worker@1.service" 2>&1) || fail "verify: $out"
! grep -F "$WORK/units" <<<"$out" || fail "verify complains: $out"
for unit in hebb-coordinator hebb-worker@; do
  systemd-analyze security --offline=true --threshold=30 "$WORK/units/$unit.service" >"$WORK/out" 2>&1 ||
    fail "$unit: $(tail -n 3 "$WORK/out")"
done
passed
