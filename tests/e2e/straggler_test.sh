#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hebb_worker_straggler_ratio of a real gang of two, one of which is slow: both share one processor,
# which the slow one, being nice, hardly gets before the other has computed its part. So its part takes
# about as long as both together, however fast the machine is, and its ratio rises above the other's.
source "$(dirname "$0")/lib.sh"
for program in curl taskset renice; do
  command -v $program >/dev/null || skip "$program is not installed"
done

write_job
# What else runs on the machine may keep a nice worker waiting: that makes it slow, not lost.
up s 2 --threads 1 --detect-within 20s
id=$(submit name=long learning.epochs=100000 resources.min_workers=2)
wait_for_step "$id" 1
slow=$(random_member "$id")

hebb workers -o json >"$WORK/workers.json"
address() { jq -r ".[] | select(.pid $1 $slow) | .http_address" "$WORK/workers.json"; }
slow_address=$(address '==')
other_address=$(address '!=')
processor=$(taskset -cp $$ | grep -oE '[0-9]+' | tail -n 1)
bound() { taskset -acp "$processor" "$1" >/dev/null 2>&1; } # fails if a thread ends meanwhile
for pid in $(jq '.[].pid' "$WORK/workers.json"); do eventually 10 "$pid is bound" bound "$pid"; done
renice -n 10 -g "$slow" >/dev/null # all threads; each worker is a process group of its own

ratio() { curl -sf -m 10 "http://$1/metrics" | awk '/^hebb_worker_straggler_ratio\{/ { print $2 }'; }
# Not once by chance: in ten looks in a row.
looks=0
apart() {
  slow_ratio=$(ratio "$slow_address")
  other_ratio=$(ratio "$other_address")
  awk -v slow="$slow_ratio" -v other="$other_ratio" 'BEGIN { exit !(slow > 1.1 && other < 0.9) }' &&
    looks=$((looks + 1)) || looks=0
  [ $looks -ge 10 ]
}
eventually 120 "the slow worker's ratio is above the other's" apart
echo "ratios: $slow_ratio of the slow worker, $other_ratio of the other"
is "$id" .state RUNNING || fail "the job does not run: $(get "$id" '.state + ": " + .reason')"
expect 0 hebb cancel "$id"
passed
