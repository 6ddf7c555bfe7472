# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The faults. Each strikes one worker (or the coordinator), stays as long as the schedule says, and is
# taken away; `strike` leaves the moment it struck in STRUCK and what there is to say in SAID.

STRUCK=0
SAID=""

# Nanoseconds since 1970. Of the machine: the programs' own clocks may jump.
now_ns() { date +%s%N; }

tenths() { sleep "$(($1 / 10)).$(($1 % 10))"; }

# end_process PID: its SIGKILL is ours, so its end is no news.
end_process() {
  STRUCK=$(now_ns)
  kill -KILL "$1"
  wait "$1" 2>/dev/null || true
}

fault_kill() { # a worker dies; it is started again after a while
  end_process "${PIDS[$1]}"
  tenths "$2"
  start_worker "$1"
}

fault_freeze() {
  STRUCK=$(now_ns)
  kill -STOP "${PIDS[$1]}"
  tenths "$2"
  kill -CONT "${PIDS[$1]}"
}

fault_cut() {
  STRUCK=$(now_ns)
  link "$1" down
  tenths "$2"
  link "$1" up
}

fault_drop_from() {
  STRUCK=$(now_ns)
  drop_from "$1"
  tenths "$2"
  undrop_from "$1"
}

fault_drop_to() {
  STRUCK=$(now_ns)
  drop_to "$1"
  tenths "$2"
  undrop_to "$1"
}

fault_between() { # two workers lose each other, not the coordinator
  local other=$((($1 + 1) % WORKERS))
  SAID="and worker $other"
  STRUCK=$(now_ns)
  between "$1" "$other" on
  tenths "$2"
  between "$1" "$other" off
}

# fill DIR: not a byte is left.
fill() { dd if=/dev/zero of="$1/filler" bs=64k status=none 2>/dev/null || true; }

fault_disk_worker() {
  STRUCK=$(now_ns)
  fill "$WORK/disk/w$1"
  tenths "$2"
  rm -f "$WORK/disk/w$1/filler"
}

fault_disk_coordinator() {
  STRUCK=$(now_ns)
  fill "$WORK/disk/c"
  tenths "$2"
  rm -f "$WORK/disk/c/filler"
}

# An hour on or back, and after a while as it was: two jumps.
fault_clock() { jump "w$1" "$2" "$3"; }
fault_clock_coordinator() { jump c "$2" "$3"; }
jump() {
  STRUCK=$(now_ns)
  set_clock "$1" "$3"
  SAID="by $3 s"
  tenths "$2"
  set_clock "$1" +0
  # libfaketime looks at its file now and then, and what follows is judged by that clock.
  [ "$1" = c ] && eventually 30 "the coordinator's clock is right again" clock_is_right
  return 0
}
clock_is_right() {
  hebb doctor --state-dir "$WORK/state" --data-dir "$WORK/data0" -o json 2>/dev/null |
    jq -e '.checks[] | select(.check == "clock.offset") | .verdict == "ok"' >/dev/null
}

fault_coordinator() {
  end_process "$COORDINATOR"
  tenths "$2"
  start_coordinator
  eventually 60 "the coordinator serves again" coordinator_serves
}

# Kinds that must be noticed within the time, if they strike a member of a running gang.
must_be_noticed() { case $1 in kill | freeze | cut | drop_from) return 0 ;; *) return 1 ;; esac }

# Kinds that may cost no job a worker.
must_be_harmless() { case $1 in clock | clock_coordinator | disk_worker) return 0 ;; *) return 1 ;; esac }

# What the fault before has cost is on record, so that it is not laid at the door of the next.
await_record() {
  local left=$(((DETECT_WITHIN_MS + SLACK_MS) * 1000000 - ($(now_ns) - STRUCK)))
  if [ $left -gt 0 ]; then tenths $((left / 100000000 + 1)); fi
}

# ---- the schedule ------------------------------------------------------------------------------

# Out of 100; a kind that this machine does not allow is left out and said so.
kinds() {
  local list=()
  repeat() { for ((n = 0; n < $2; n++)); do list+=("$1"); done; }
  local n
  repeat kill 26
  repeat freeze 15
  repeat coordinator 9
  if $NET; then
    repeat cut 12
    repeat drop_from 7
    repeat drop_to 7
    repeat between 6
  fi
  if $DISK; then
    repeat disk_worker 4
    repeat disk_coordinator 4
  fi
  if $CLOCK; then
    repeat clock 6
    repeat clock_coordinator 4
  fi
  echo "${list[@]}"
}

# make_schedule FAULTS FILE: kind, worker, tenths of a second to stay, tenths before it, clock offset.
# Of the seed only, on one machine: RANDOM is read in this shell alone.
make_schedule() {
  local all i kind stay offset
  read -ra all <<<"$(kinds)"
  for ((i = 0; i < $1; i++)); do
    kind=${all[RANDOM % ${#all[@]}]}
    # Every kind at least once, however few there are.
    if ((i * 5 < ${#all[@]})) && [ "$1" -lt 30 ]; then kind=${all[(i * 12) % ${#all[@]}]}; fi
    case $kind in
      kill | coordinator) stay=$((RANDOM % 30)) ;;
      *) stay=$((DETECT_WITHIN_MS / 100 + 12 + RANDOM % 20)) ;;
    esac
    if ((RANDOM % 2)); then offset=+3600; else offset=-3600; fi
    echo "$kind $((RANDOM % WORKERS)) $stay $((RANDOM % 15)) $offset"
  done >"$2"
}
