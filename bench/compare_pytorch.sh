#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Training beside PyTorch on the same machine in one run: sides alternate, medians, Markdown tables.
#   bench/compare_pytorch.sh PEER_DIR CIFAR10_DIR [ROUNDS] [NETS...]
# PEER_DIR holds throughput.py and ddp.py. CIFAR10_DIR holds the unpacked binary files. NETS are names
# that `step_bench --list` knows (default: all). Each side at its best of one process with two threads
# and two processes (ranks) with one. Ours is whole steps of the trainer: data, dropout, sums, update;
# its ranks are threads of one process. Three rounds of all networks take some ten minutes.
# Needs the programs of bench/ (HEBB_BENCH_BIN, default build/ci/bin), python3 with PyTorch (PYTHON)
# on a BLAS that is worth it.
set -euo pipefail
[ $# -ge 2 ] || { sed -n 3,10p "$0" >&2; exit 2; }
peer=$1 data=$2 rounds=${3:-3}
shift $(($# < 3 ? $# : 3))
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=${HEBB_BENCH_BIN:-$root/build/ci/bin}
python=${PYTHON:-/usr/bin/python3}
unset OPENBLAS_CORETYPE # let both sides choose their kernels
"$python" -c 'import torch
loaded = open("/proc/self/maps").read()
raise SystemExit(not any(name in loaded for name in ("openblas", "mkl", "blis", "atlas")))' || {
  echo "PyTorch of $python is missing, or multiplies by the reference BLAS, at a tenth of its speed:" \
    "install python3-torch and libopenblas0-pthread" >&2
  exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bin/step_bench" --list >"$work/networks"
nets=("$@")
[ ${#nets[@]} -gt 0 ] || mapfile -t nets < <(cut -d' ' -f1 "$work/networks")

# 2,500 training images are enough to time steps on.
for file in data_batch_{1,2,3,4,5}.bin test_batch.bin; do
  head -c $((500 * 3073)) "$data/$file" >"$work/$file"
done

# Name there, its steps and our epochs (of 2,500 images) that take some seconds.
plan_of() {
  case $1 in
    simple) echo simple 5 3 ;;
    A) echo deepA 3 1 ;;
    B) echo deepB 6 3 ;;
    simple_untied) echo simple_untied 12 2 ;;
    C_untied) echo deepC_untied 10 2 ;;
    mlp) echo mlp 25 4 ;;
    resnet20) echo resnet20 7 1 ;;
    *) echo "no peer for the network $1" >&2; return 1 ;;
  esac
}

# with_peak COMMAND...: its output, then "peak N" in MiB (of the largest process it waited for).
with_peak() {
  "$python" -c 'import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
sys.exit(code)' "$@"
}
# keep COLUMN: the last "N images/s" and the peak of what comes in, a line each of this network's files.
keep() {
  tee "$work/output" | sed -n 's/.*[ ,]\([0-9]*\) images\/s.*/\1/p' | tail -n 1 >>"$work/$1.speed"
  sed -n 's/^peak //p' "$work/output" >>"$work/$1.peak"
}

ours() { # NET EPOCHS RULE SLICES RANKS THREADS
  local name file sets rule=()
  read -r name file sets < <(grep "^$1 " "$work/networks")
  [ "$3" = urfb ] || rule=("learning.rule=$3")
  # shellcheck disable=SC2086
  with_peak "$bin/local_train" "$file" --ranks "$5" --threads "$6" $sets "${rule[@]}" \
    dataset.path="$work" dataset.validation=0 diagnostics.every_epochs=0 learning.epochs="$2" \
    resources.workers=1 data_parallel.slices="$4" || { echo "failed: $name $*" >&2; return 1; }
}
peer_threads() { with_peak "$python" "$peer/throughput.py" "$1" urfb "$2" "$3" 2; }
peer_ddp() {
  local port=$((20000 + RANDOM % 10000))
  export MASTER_ADDR=127.0.0.1 MASTER_PORT=$port WORLD_SIZE=2
  RANK=1 "$python" "$peer/ddp.py" "$1" urfb "$2" "$3" >/dev/null &
  RANK=0 with_peak "$python" "$peer/ddp.py" "$1" urfb "$2" "$3"
  wait $!
}
batch_of() { grep -oE 'batch_size: [0-9]+' "$(awk -v n="$1" '$1 == n {print $2}' "$work/networks")" | grep -oE '[0-9]+'; }
median() { sort -n "$work/$1" | awk '{v[NR] = $1} END {print NR ? v[int((NR + 1) / 2)] : "nan"}'; }

for net in "${nets[@]}"; do # all that can be wrong is wrong before the first minute
  plan_of "$net" >/dev/null
  grep -q "^$net " "$work/networks" || { echo "step_bench --list does not know $net" >&2; exit 2; }
done
declare -A speed memory batch
for net in "${nets[@]}"; do
  read -r theirs steps epochs < <(plan_of "$net")
  batch[$net]=$(batch_of "$net")
  rm -f "$work"/*.speed "$work"/*.peak "$work/floor.speed"
  for _ in $(seq "$rounds"); do
    peer_threads "$theirs" "${batch[$net]}" "$steps" | keep p12
    ours "$net" "$epochs" urfb 8 1 2 | keep h12
    ours "$net" "$epochs" urfb 0 1 2 | keep z12
    peer_ddp "$theirs" "${batch[$net]}" "$steps" | keep p21
    ours "$net" "$epochs" urfb 8 2 1 | keep h21
    ours "$net" "$epochs" urfb 0 2 1 | keep z21
    ours "$net" "$epochs" bp 8 1 2 | keep bp
    "$bin/cost_model" --floor "$net" | cut -d' ' -f2 >>"$work/floor.speed"
  done
  for column in p12 p21 h12 h21 z12 z21 bp floor; do
    speed[$net,$column]=$(median "$column.speed")
    [ "$column" = floor ] || memory[$net,$column]=$(median "$column.peak")
  done
done

best() { awk -v a="$1" -v b="$2" 'BEGIN {print (a > b ? a : b)}'; }
over() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }

echo "Images/s of training by URFB, float32; in brackets 1 x 2 threads, 2 x 1."
echo
echo "| network | batch | PyTorch | Hebb, 8 slices | ratio | Hebb, 0 slices | ratio | floor | share |"
echo "|---|---|---|---|---|---|---|---|---|"
for net in "${nets[@]}"; do
  p=$(best "${speed[$net,p12]}" "${speed[$net,p21]}")
  h=$(best "${speed[$net,h12]}" "${speed[$net,h21]}")
  z=$(best "${speed[$net,z12]}" "${speed[$net,z21]}")
  printf '| %s | %s | %s (%s, %s) | %s (%s, %s) | **%s** | %s (%s, %s) | **%s** | %.0f | %s |\n' \
    "$net" "${batch[$net]}" "$p" "${speed[$net,p12]}" "${speed[$net,p21]}" \
    "$h" "${speed[$net,h12]}" "${speed[$net,h21]}" "$(over "$h" "$p")" \
    "$z" "${speed[$net,z12]}" "${speed[$net,z21]}" "$(over "$z" "$p")" \
    "${speed[$net,floor]}" "$(over "$h" "${speed[$net,floor]}")"
done
echo
echo "Within Hebb (ratios of images/s) and peak memory in MiB. PyTorch 2 x 1 is one rank's process,"
echo "Hebb 2 x 1 both ranks together in one."
echo
echo "| network | URFB / BP | 2 x 1 / 1 x 2 | 8 slices / 0 | PyTorch 1 x 2 | 2 x 1 | Hebb 1 x 2 | 2 x 1 | Hebb / PyTorch, 1 x 2 |"
echo "|---|---|---|---|---|---|---|---|---|"
for net in "${nets[@]}"; do
  printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$net" \
    "$(over "${speed[$net,h12]}" "${speed[$net,bp]}")" \
    "$(over "${speed[$net,h21]}" "${speed[$net,h12]}")" \
    "$(over "${speed[$net,h12]}" "${speed[$net,z12]}")" \
    "${memory[$net,p12]}" "${memory[$net,p21]}" "${memory[$net,h12]}" "${memory[$net,h21]}" \
    "$(over "${memory[$net,h12]}" "${memory[$net,p12]}")"
done
echo
echo "Medians of $rounds alternating rounds; load now: $(cut -d' ' -f1-3 /proc/loadavg)."
