# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The coordinator and the workers of the drill: how they are started, and started again by what stands
# for their supervisor. Each has a disk of its own where that can be made, and a clock that can jump.

DETECT_WITHIN_MS=2000
PORT=0
CLOCK=false
DISK=false
COORDINATOR=0
PIDS=()
FAKETIME=$(find /usr/lib /usr/local/lib -name libfaketimeMT.so.1 -print -quit 2>/dev/null || true)

# make_disk NAME SIZE: $WORK/disk/NAME, small where the machine lets us mount.
make_disk() {
  mkdir -p "$WORK/disk/$1"
  if $DISK; then mount -t tmpfs -o "size=$2" "hebb-drill" "$WORK/disk/$1"; fi
}

make_disks() {
  local i
  mkdir -p "$WORK/disk/c" "$WORK/clock"
  if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=1536m hebb-drill "$WORK/disk/c" 2>/dev/null; then
    DISK=true
  fi
  for ((i = 0; i < $1; i++)); do make_disk "w$i" 8m; done
}

remove_disks() {
  local dir
  for dir in "$WORK"/disk/*; do umount -l "$dir" 2>/dev/null || true; done
}

# run_as WHO COMMAND...: in its network, with its clock. Replaces the shell.
run_as() {
  local who=$1 clock=()
  shift
  if $CLOCK; then
    clock=(env "LD_PRELOAD=$FAKETIME" "FAKETIME_TIMESTAMP_FILE=$WORK/clock/$who"
      FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_CACHE_DURATION=1 FAKETIME_DISABLE_SHM=1)
  fi
  at "$who" "${clock[@]}" "$@"
}

set_clock() {
  echo "$2" >"$WORK/clock/$1.new"
  mv "$WORK/clock/$1.new" "$WORK/clock/$1"
}

start_coordinator() {
  rm -f "$WORK/disk/c/s/coordinator.json"
  (run_as c "$HEBB_BIN/hebb-coordinator" --listen "$(address_of c):$PORT" --http 127.0.0.1:0 \
    --state-dir "$WORK/disk/c/s" --detect-within "${DETECT_WITHIN_MS}ms" --min-free-disk 1MB \
    --calls-per-second 2000 --credentials "$WORK/cluster/coordinator" >>"$WORK/log/c.log" 2>&1) &
  COORDINATOR=$!
}

coordinator_serves() { [ -s "$WORK/disk/c/s/coordinator.json" ]; }

start_worker() {
  local i=$1
  (run_as "w$i" "$HEBB_BIN/hebb-worker" --coordinator "$HEBB_ADDRESS" --data-dir "$WORK/data$i" \
    --work-dir "$WORK/disk/w$i" --advertise "$(address_of "w$i")" --threads 1 \
    --credentials "$WORK/cluster/worker" >>"$WORK/log/w$i.log" 2>&1) &
  PIDS[i]=$!
}

# The id of worker N's present process: it says it when it starts.
worker_id() { grep -o ' started id=[0-9a-f]*' "$WORK/log/w$1.log" | tail -1 | sed 's/.*=//'; }

attached() { hebb workers -o json 2>/dev/null | jq -e "length >= $1" >/dev/null; }

start_service() {
  local i
  mkdir -p "$WORK/log"
  if [ -n "$FAKETIME" ]; then CLOCK=true; fi
  set_clock c +0
  for ((i = 0; i < $1; i++)); do set_clock "w$i" +0; done
  "$HEBB_BIN/hebb" certs init "$WORK/cluster" --host "$(address_of c)" --user drill:admin >/dev/null
  export HEBB_CREDENTIALS=$WORK/cluster/users/drill
  start_coordinator
  eventually 60 "the coordinator serves" coordinator_serves
  HEBB_ADDRESS=$(jq -r .address "$WORK/disk/c/s/coordinator.json")
  export HEBB_ADDRESS
  PORT=${HEBB_ADDRESS##*:}
  for ((i = 0; i < $1; i++)); do start_worker "$i"; done
  eventually 60 "$1 workers are attached" attached "$1"
}

# What a supervisor does. Nobody but the drill ends a process: one that ended by itself is a violation.
# A process counts as running until it is a zombie or gone.
runs() { case $(ps -o stat= -p "$1" 2>/dev/null) in "" | Z*) return 1 ;; esac }

supervise() {
  local i rc
  for i in "${!PIDS[@]}"; do
    if ! runs "${PIDS[i]}"; then
      rc=0
      wait "${PIDS[i]}" || rc=$?
      violation "worker $i ended by itself with code $rc: $(tail -n 1 "$WORK/log/w$i.log")"
      start_worker "$i"
    fi
  done
  if ! runs "$COORDINATOR"; then
    rc=0
    wait "$COORDINATOR" || rc=$?
    violation "the coordinator ended by itself with code $rc: $(tail -n 1 "$WORK/log/c.log")"
    start_coordinator
  fi
}
