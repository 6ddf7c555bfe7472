#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The failure drill (docs/chaos.md): several jobs at once on a coordinator and four workers, while
# faults strike them by a seeded schedule.
#   tests/chaos/run.sh [--faults N] [--seed S] [--minutes M] [--slack MS]
# 200 faults, in at most 60 minutes: then no more are struck, and the jobs are judged all the same.
# A loss must be on record MS after --detect-within; the suite, which judges no times, gives more.
# Exit code 0: no violation; 1: some; 77: a part of it cannot be done here at all.
folder=$(dirname "${BASH_SOURCE[0]}")
FAULTS=200
MINUTES=60
SLACK_MS=1000
SEED=${HEBB_TEST_SEED:-$$}
while [ $# -gt 0 ]; do
  case $1 in
    --faults) FAULTS=$2 ;;
    --seed) SEED=$2 ;;
    --minutes) MINUTES=$2 ;;
    --slack) SLACK_MS=$2 ;;
    *) echo "usage: $0 [--faults N] [--seed S] [--minutes M] [--slack MS]" >&2; exit 2 ;;
  esac
  shift 2
done
export HEBB_TEST_SEED=$SEED
# shellcheck source=tests/e2e/lib.sh
source "$folder/../e2e/lib.sh"
for part in network service faults checks; do source "$folder/$part.sh"; done
WORKERS=4
JOBS_AT_ONCE=3
BESIDES=()
declare -A EXPECTED KIND_OF=() ALIVE=()
STRUCK_COUNT=0 MET=0 SUBMITTED=0 FINISHED=0 NEXT_JOB=0
touch "$WORK/stalls" "$WORK/polls" "$WORK/detections" "$WORK/kinds" "$WORK/violations"
echo '[]' >"$WORK/now.json"

hebb() { in_net c timeout 240 "$HEBB_BIN/hebb" "$@"; }

# Reads are tried again while the coordinator is away, or the machine too busy to answer.
get() {
  local end=$((SECONDS + 60))
  until hebb describe "$1" -o json >"$WORK/get.json" 2>"$WORK/get.err"; do
    [ $SECONDS -lt "$end" ] || fail "describe $1: $(cat "$WORK/get.err")"
    sleep 0.5
  done
  jq -r "$2" "$WORK/get.json"
}

# The same for what is asked after a job's end.
patiently() {
  local i
  for i in {1..20}; do
    "$@" && return
    sleep 0.5
  done
  return 1
}

digest() { patiently hebb export "$1" --digest 2>"$WORK/get.err"; }

# As of lib.sh, but a connection that broke on a busy machine is no verdict about the job.
succeeds() {
  local state="" end=$((SECONDS + 300))
  until [ "$state" = SUCCEEDED ]; do
    state=$(get "$1" '.state')
    case $state in FAILED | CANCELLED) fail "job $1 is $state: $(get "$1" .reason)" ;; esac
    [ $SECONDS -lt "$end" ] || fail "job $1 is still $state"
    sleep 0.3
  done
}

finish() {
  local pid
  # Nothing of the drill outlives it, however it ends.
  for pid in "${BESIDES[@]}" "${PIDS[@]}" "$COORDINATOR"; do
    [ "$pid" -gt 0 ] || continue
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if ! $PASSED && $DISK; then cp -r "$WORK/disk/c" "$WORK/state" 2>/dev/null || true; fi
  remove_disks
  remove_network
  cleanup
}
trap finish EXIT

# Whatever happens, this process gets a SIGTERM then, and says what it has seen so far.
bounded() {
  local main=$$
  trap 'trap - TERM; summary; fail "not done within the time: jobs are still unjudged"' TERM
  (
    sleep "$(($1 * 60))" >/dev/null 2>&1 # outlives us: whoever reads our output must not wait for it
    kill -TERM "$main"
  ) &
  BESIDES+=($!)
}

besides() {
  "$1" &
  BESIDES+=($!)
}

# ---- the jobs ------------------------------------------------------------------------------------

write_jobs() {
  write_job
  sed -i '/conv1\|pool1/d; s/batch_size: 100/batch_size: 300/' "$WORK/job.yaml"
}

# submit_kind KIND [key=value...] -> id. The digest depends on the kind only, not on the workers.
submit_kind() {
  local kind=$1
  shift
  case $kind in
    wide) submit name=wide resources.workers=3 "$@" ;;
    pair) submit name=pair learning.rule=bp resources.workers=2 "$@" ;;
    lone) submit name=lone learning.rule=frfb resources.workers=1 "$@" ;;
  esac
}

KINDS=(wide pair lone)

# Sizes of jobs, in epochs: the machine may be a hundred times slower in one minute than in the next.
SIZES=(10 40 160)
LEVEL=0 SINCE_STRIKE=0 SINCE_SUBMIT=0

# The weights of that kind and size when nobody disturbs it; between two faults. In EXPECTED.
undisturbed() {
  local kind epochs=$1
  local -A ids=()
  for kind in "${KINDS[@]}"; do ids[$kind]=$(patiently submit_kind "$kind" "learning.epochs=$epochs"); done
  for kind in "${KINDS[@]}"; do
    succeeds "${ids[$kind]}"
    EXPECTED[$kind-$epochs]=$(digest "${ids[$kind]}")
    echo "undisturbed: $kind, $epochs epochs: ${EXPECTED[$kind-$epochs]}"
  done
}

# Jobs are to last over several faults: larger ones if many end between two, smaller if none ends.
choose_size() {
  if [ $SINCE_STRIKE -ge 5 ] && [ $LEVEL -lt $((${#SIZES[@]} - 1)) ]; then
    LEVEL=$((LEVEL + 1)) SINCE_STRIKE=0
  elif [ $SINCE_SUBMIT -ge 12 ] && [ $LEVEL -gt 0 ]; then
    LEVEL=$((LEVEL - 1)) SINCE_SUBMIT=0
  fi
  [ -n "${EXPECTED[wide-${SIZES[LEVEL]}]:-}" ] || undisturbed "${SIZES[LEVEL]}"
}

# Those that have not ended, in ALIVE: the others are never asked about again until they are judged.
forget_ended() {
  local id
  for id in "${!ALIVE[@]}"; do
    if ended "$id"; then unset "ALIVE[$id]"; fi
  done
}

keep_jobs() {
  local id kind
  forget_ended
  while [ ${#ALIVE[@]} -lt "$JOBS_AT_ONCE" ]; do
    choose_size
    kind=${KINDS[NEXT_JOB % ${#KINDS[@]}]}
    NEXT_JOB=$((NEXT_JOB + 1))
    id=$(submit_kind "$kind" "learning.epochs=${SIZES[LEVEL]}") || id=""
    # Not acknowledged, nothing promised.
    if [ -z "$id" ]; then return 0; fi
    KIND_OF[$id]=$kind-${SIZES[LEVEL]}
    ALIVE[$id]=1
    SUBMITTED=$((SUBMITTED + 1)) SINCE_STRIKE=$((SINCE_STRIKE + 1)) SINCE_SUBMIT=0
  done
}

some_job_runs() {
  supervise
  keep_jobs
  jq -e 'map(select(.state == "RUNNING")) | length > 0' "$WORK/now.json" >/dev/null
}

# Now and then a user pauses a job; it goes on at the next turn.
PAUSED=""
pause_or_resume() {
  if [ -n "$PAUSED" ]; then
    hebb resume "$PAUSED" >/dev/null 2>&1 || ended "$PAUSED" || return 0
    PAUSED=""
  elif [ $((STRUCK_COUNT % 7)) -eq 6 ]; then
    PAUSED=$(jq -r 'first(.[] | select(.state == "RUNNING")) | .id // ""' "$WORK/now.json")
    if [ -n "$PAUSED" ]; then hebb pause "$PAUSED" >/dev/null 2>&1 || PAUSED=""; fi
  fi
}

# ---- the drill -----------------------------------------------------------------------------------

strike() {
  local kind=$1 target=$2 stay=$3 before=$4 offset=$5 id gang=""
  tenths "$before"
  eventually 120 "a job runs" some_job_runs
  pause_or_resume
  if must_be_harmless "$kind"; then await_record; fi
  id=$(worker_id "$target")
  if must_be_noticed "$kind"; then gang=$(gang_of "$id"); fi
  MET=$((MET + 1)) SINCE_STRIKE=0 SINCE_SUBMIT=$((SINCE_SUBMIT + 1))
  SAID=""
  "fault_$kind" "$target" "$stay" "$offset"
  if [ -n "$gang" ]; then judge_detection "$gang" "$id"; fi
  if must_be_harmless "$kind"; then judge_harmless "$kind"; fi
  case $kind in *coordinator) target=- ;; esac
  STRUCK_COUNT=$((STRUCK_COUNT + 1))
  echo "$kind" >>"$WORK/kinds"
  printf '%s %3d %s worker %s, %d.%d s %s\n' "$(date +%T)" "$STRUCK_COUNT" "$kind" "$target" \
    $((stay / 10)) $((stay % 10)) "${SAID# }"
}

all_ended() {
  supervise
  if [ -n "$PAUSED" ]; then pause_or_resume; fi
  forget_ended
  [ ${#ALIVE[@]} -eq 0 ]
}

judge_jobs() {
  local id
  patiently hebb list --all --limit 1000 -o json >"$WORK/all.json" || fail "the jobs cannot be listed"
  for id in "${!KIND_OF[@]}"; do
    if [ "$(jq --arg id "$id" 'map(select(.id == $id)) | length' "$WORK/all.json")" -ne 1 ]; then
      violation "job $id was acknowledged and is not listed once"
      continue
    fi
    FINISHED=$((FINISHED + 1))
    judge_job "$id" "${KIND_OF[$id]}"
  done
}

# Judging waits for the last jobs, and reads all of them.
bounded $((2 * MINUTES + 10))
besides heartbeat
if ! make_network "$WORKERS"; then
  remove_network
  NET=false
  echo "no network faults here: $(head -n 1 "$WORK/net.err")"
fi
make_disks "$WORKERS"
$DISK || echo "no full disks here: a small file system cannot be mounted"
write_jobs
start_service "$WORKERS"
$CLOCK || echo "no clock jumps here: libfaketime is not installed (apt-get install faketime)"
undisturbed "${SIZES[0]}"
besides poll
RANDOM=$SEED
make_schedule "$FAULTS" "$WORK/schedule"
STRIKE_UNTIL=$((SECONDS + MINUTES * 60))
while [ $SECONDS -lt $STRIKE_UNTIL ] && read -r -u 3 kind target stay before offset; do
  strike "$kind" "$target" "$stay" "$before" "$offset"
done 3<"$WORK/schedule"
JOBS_AT_ONCE=0
eventually 600 "every job ends" all_ended
judge_jobs
summary
[ "$VIOLATIONS" -eq 0 ] || fail "$VIOLATIONS violations"
passed
