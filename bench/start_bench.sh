#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How long it takes until something happens, with the real programs; medians of RUNS, milliseconds:
# - start of a worker process to attached;
# - `hebb submit` (start of the client included) to the first step's start, on warm workers that have
#   the data.
#   bench/start_bench.sh [RUNS=10] [CIFAR10_DIR: else the generated glyphs]
# HEBB_BIN: the folder of the programs. The parts of the way come from the programs' logs.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../tests/e2e/lib.sh" >/dev/null
runs=${1:-10} cifar=${2:-}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

now_ms() { echo $(($(date +%s%N) / 1000000)); }
# ms_of PATTERN FILE...: when the last such line was logged.
ms_of() {
  local line
  line=$(grep -hE "$@" | sort | tail -n 1)
  [ -n "$line" ] || fail "no '$1' in the logs"
  date -u -d "$(cut -d' ' -f1 <<<"$line" | tr T ' ')" +%s%3N
}
# keep SUBJECT VALUE
keep() { echo "$2" >>"$WORK/$1.ms"; }
report() { # SUBJECT TITLE
  sort -n "$WORK/$1.ms" | awk -v t="$2" '{v[NR] = $1}
    END {printf "%-52s %8.0f %8.0f %8.0f\n", t, v[1], v[int((NR + 1) / 2)], v[NR]}'
}

if [ -n "$cifar" ]; then
  cp "$root/examples/cifar10-simple-urfb.yaml" "$WORK/job.yaml"
  sets=("dataset.path=$(cd "$cifar" && pwd)" dataset.validation=0)
else
  write_job
  sets=()
fi
sets+=(learning.epochs=1 diagnostics.every_epochs=0)

# The way of one job on `workers` workers.
measure_submit() {
  local workers=$1 logs=("$WORK/s$1/log"/worker-*.log) coordinator=$WORK/s$1/log/coordinator.log
  local begin answered id start seconds
  begin=$(now_ms)
  id=$(submit "resources.workers=$workers" "resources.min_workers=$workers" "${sets[@]}")
  answered=$(now_ms)
  succeeds "$id"
  seconds=$(get "$id" .epochs[0].seconds)
  start=$(($(ms_of " epoch 1/1: .*job=$id" "${logs[@]}") - $(jq -n "$seconds * 1000 | round")))
  keep "submit$workers" $((start - begin))
  keep "client$workers" $((answered - begin))
  keep "assigned$workers" $(($(ms_of "attempt 1 starts .*job=$id" "$coordinator") - begin))
  keep "prepared$workers" $(($(ms_of " prepared: .*job=$id" "${logs[@]}") - begin))
  keep "formed$workers" $(($(ms_of " generation 1 formed: rank 0 .*job=$id" "${logs[@]}") - begin))
}

for workers in 1 2; do
  up "s$workers" "$workers"
  succeeds "$(submit "resources.workers=$workers" "${sets[@]}")" # warm: data, pages
  for _ in $(seq "$runs"); do measure_submit "$workers"; done
  down "s$workers"
done

attached() { grep -q "attached to the coordinator" "$WORK/worker.log" 2>/dev/null; }
up attach 1
for _ in $(seq "$runs"); do
  begin=$(now_ms)
  "$HEBB_BIN/hebb-worker" --coordinator "$HEBB_ADDRESS" --data-dir "$WORK/other" \
    >"$WORK/worker.log" 2>&1 &
  worker=$!
  eventually 20 "the worker is attached" attached
  keep started $(($(ms_of " started " "$WORK/worker.log") - begin))
  keep attach $(($(ms_of "attached to the coordinator" "$WORK/worker.log") - begin))
  kill "$worker"
  wait "$worker" || true
done
down attach

printf '%-52s %8s %8s %8s\n' "milliseconds of $runs runs" least median most
report started "worker process to its first log line"
report attach "worker process to attached"
for workers in 1 2; do
  report "client$workers" "submit to the client's end, $workers workers"
  report "assigned$workers" "submit to assigned"
  report "prepared$workers" "submit to prepared (all)"
  report "formed$workers" "submit to gang formed (rank 0)"
  report "submit$workers" "submit to first step started, $workers workers"
done
passed >/dev/null
