# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every end-to-end test needs: a temporary folder, services on free ports, bounded waits, and a
# clean-up that ends what the test started, by pid. A test sources this file, drives the three built
# programs, and ends with `passed`. HEBB_BIN: the folder of the programs.
set -euo pipefail
shopt -s inherit_errexit

HEBB_BIN=${HEBB_BIN:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../build/bin" && pwd)}
unset HEBB_ADDRESS NO_COLOR
RANDOM=${HEBB_TEST_SEED:-$$}
echo "seed ${HEBB_TEST_SEED:-$$} (HEBB_TEST_SEED repeats it)"

WORK=$(mktemp -d "${TMPDIR:-/tmp}/hebb-e2e-XXXXXX")
DATA=$WORK/data
STATES=()
PASSED=false

hebb() { timeout 300 "$HEBB_BIN/hebb" "$@"; }

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# Every process whose command line names our folder.
ours() { pgrep -f -- "$WORK/" || true; }

cleanup() {
  local state pid
  for state in "${STATES[@]}"; do
    timeout 60 "$HEBB_BIN/hebb" down --state-dir "$state" >/dev/null 2>&1 || true
  done
  for pid in $(ours); do
    $PASSED && echo "left behind: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" >&2
    kill -KILL "$pid" 2>/dev/null || true
    PASSED=false
  done
  if $PASSED; then
    rm -rf "$WORK"
    return
  fi
  for state in "${STATES[@]}"; do
    tail -n 15 "$state"/log/*.log >&2 2>/dev/null || true
  done
  echo "kept: $WORK" >&2
  exit 1
}
trap cleanup EXIT
trap 'exit 130' INT TERM

passed() {
  PASSED=true
  echo "passed"
}

skip() {
  echo "skipped: $*"
  rm -rf "$WORK"
  trap - EXIT
  exit 77
}

# up STATE WORKERS [options]: starts a service, on CPUs unless told otherwise; HEBB_ADDRESS points
# to it from then on.
up() {
  local state=$WORK/$1 workers=$2
  shift 2
  case " $* " in *" --device "*) ;; *) set -- --device cpu "$@" ;; esac
  STATES+=("$state")
  hebb up --workers "$workers" --state-dir "$state" --data-dir "$DATA" --port 0 --http-port 0 \
    --detach -o json "$@" >"$WORK/up.json" 2>"$WORK/up.err" || fail "up: $(cat "$WORK/up.err")"
  use "$state"
}

use() {
  HEBB_ADDRESS=$(jq -r .address "$1/up.json")
  export HEBB_ADDRESS
}

down() { hebb down --state-dir "$WORK/$1" 2>/dev/null; }

pid_of() { jq -r ".$2.pid" "$WORK/$1/up.json"; }

# A job of seconds on the generated images. Arguments: further --set values are given to submit.
write_job() {
  cat >"$WORK/job.yaml" <<'YAML'
name: e2e
seed: 7
dataset: {name: glyphs, validation: 1000}
network:
  layers:
    - {name: conv1, conv: {filters: 8, kernel: 3}}
    - {name: pool1, max_pool: {size: 2, stride: 2}}
    - {name: drop1, dropout: {rate: 0.2}}
    - {name: dense1, dense: {units: 32}}
    - {name: out, dense: {units: 10, activation: none}}
learning:
  rule: urfb
  optimizer: {sgd: {learning_rate: 0.1}}
  batch_size: 100
  epochs: 3
resources: {workers: 2, min_workers: 1}
checkpoint: {every_steps: 20, keep: 3}
YAML
}

# submit [key=value ...] -> the job's id
submit() {
  local sets=() set
  for set in "$@"; do sets+=(--set "$set"); done
  hebb submit "$WORK/job.yaml" "${sets[@]}" -o json 2>/dev/null | jq -r .id
}

# epochs_for SECONDS: so many epochs that a job lasts about that long on this machine, however fast it
# is, so that what a test does to a running job finds it running.
epochs_for() {
  local id
  id=$(submit learning.epochs=3 "${@:2}")
  succeeds "$id"
  get "$id" ".images_per_second * $1 / 9000 | ceil | if . < 15 then 15 elif . > 500 then 500 else . end"
}

get() { hebb describe "$1" -o json | jq -r "$2"; }

# eventually SECONDS WHAT COMMAND...: repeats until the command succeeds.
eventually() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt "$deadline" ] || fail "not within the time: $what"
    sleep 0.05
  done
}

is() { [ "$(get "$1" "$2")" = "$3" ]; }
step_reached() { [ "$(get "$1" .step)" -ge "$2" ]; }
wait_for_step() { eventually 60 "step $2 of job $1" step_reached "$1" "$2"; }

# Waits for the end; the job must have SUCCEEDED.
succeeds() {
  hebb wait "$1" --timeout 180 >/dev/null 2>"$WORK/wait.err" ||
    fail "job $1: $(cat "$WORK/wait.err") $(get "$1" '.state + ": " + .reason')"
}

digest() { hebb export "$1" --digest 2>/dev/null; }

# expect CODE COMMAND...: the command must end with that code; its output is in $WORK/out and err.
expect() {
  local code=$1 rc=0
  shift
  "$@" >"$WORK/out" 2>"$WORK/err" || rc=$?
  [ "$rc" -eq "$code" ] ||
    fail "exit code $rc instead of $code: $* $(cat "$WORK/out" "$WORK/err")"
}

# The last command run by expect said something like this on standard error.
said() { grep -qE -- "$1" "$WORK/err" || fail "no '$1' in: $(cat "$WORK/err")"; }

equal() { [ "$1" = "$2" ] || fail "${3:-values differ}: '$1' and '$2'"; }

# The pid of a random member of a job's gang.
random_member() {
  local workers members
  members=$(get "$1" '[.workers[].worker]')
  workers=$(hebb workers -o json | jq -r --argjson m "$members" \
    '.[] | select(.id as $id | $m | index($id)) | .pid')
  # shellcheck disable=SC2206
  local pids=($workers)
  [ ${#pids[@]} -gt 0 ] || fail "job $1 has no gang"
  echo "${pids[RANDOM % ${#pids[@]}]}"
}
