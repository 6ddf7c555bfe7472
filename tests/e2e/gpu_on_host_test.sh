#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A service whose worker has a GPU, played by the host: the worker takes it, a job trains there and
# gives its memory back before it is CANCELLED, jobs that ask for more memory wait and say why, and a
# GPU that breaks ends the worker with code 74 and not the job. $1: the plugin of the tests.
source "$(dirname "$0")/lib.sh"
mkdir "$WORK/cuda"
cp "$1" "$WORK/cuda/libcuda.so.1"
export LD_LIBRARY_PATH=$WORK/cuda:${LD_LIBRARY_PATH:-} HEBB_CUDA_PLUGIN=$1
export XDG_RUNTIME_DIR=$WORK/runtime HEBB_TEST_BREAK_GPU=$WORK/broken
unset CUDA_VISIBLE_DEVICES
mkdir "$XDG_RUNTIME_DIR"

write_job
expect 5 hebb up --device cuda --workers 2 --state-dir "$WORK/none" --data-dir "$DATA" --port 0 --http-port 0
said 'use --workers 1'
up s 1 --device cuda
expect 1 "$HEBB_BIN/hebb-worker" --coordinator "$HEBB_ADDRESS" --data-dir "$DATA"
said 'held by other workers'
worker() { hebb workers -o json | jq -r ".[0].$1"; }
[ "$(worker device)" = cuda ] || fail "the worker has taken no GPU"
free_before=$(worker device_memory_free)
hebb doctor --local >"$WORK/doctor" 2>&1 || true
grep -q 'program.gpu.*host with 1 GiB' "$WORK/doctor" || fail "$(cat "$WORK/doctor")"
hebb doctor --local --conformance --seed 5 >"$WORK/doctor" 2>&1 || true
for group in gpu gpu_cpu gpu_bits nccl; do
  grep -q "^ok .*conformance.$group .* conform" "$WORK/doctor" || fail "$group: $(cat "$WORK/doctor")"
done
grep -q 'failed.*conformance' "$WORK/doctor" && fail "$(cat "$WORK/doctor")"
"$HEBB_BIN/hebb-worker" --conformance --seed 231592806 2>/dev/null |
  jq -e '[.results[] | select(.group == "gpu_cpu")] | length >= 100' >/dev/null ||
  fail "hebb-worker --conformance prints more than its report"

id=$(submit resources.device=cuda resources.workers=1 learning.epochs=1)
succeeds "$id"
id=$(submit resources.device=cuda resources.workers=1 learning.epochs=10000)
wait_for_step "$id" 5
expect 0 hebb cancel "$id"
expect 4 hebb wait "$id" --timeout 60
is_free() { [ "$(worker device_memory_free)" = "$free_before" ]; }
eventually 10 "all of the memory is free again" is_free
get "$id" '.events[].text' | grep -q 'have not come back' && fail "memory is missing"

id=$(submit resources.device=cuda resources.gpu_memory=40GiB resources.workers=1)
eventually 10 "the reason names the memory" is "$id" \
  '.reason' "waits for 1 cuda worker with 40 GiB: the largest GPU attached has 1 GiB"
expect 0 hebb cancel "$id"

id=$(submit resources.device=cuda resources.workers=1 learning.epochs=10000)
wait_for_step "$id" 5
touch "$WORK/broken"
ended() { grep -q 'ended with exit code 74' "$WORK/s/log/up.log"; }
eventually 60 "the worker ends with its code" ended
rm "$WORK/broken"
second_attempt() { [ "$(get "$id" '.attempts | length')" -ge 2 ]; }
eventually 60 "the job goes on" second_attempt
eventually 60 "it runs again" is "$id" .state RUNNING
get "$id" '.attempts[0].reason' | grep -q 'its GPU fails: an illegal memory access' ||
  fail "the attempt's end does not name the cause"
expect 0 hebb cancel "$id"
passed
