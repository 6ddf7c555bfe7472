#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The scripts of this folder on the CPU, with images of noise and few steps: that they run to their
# tables, refuse wrong arguments, and skip where there is no GPU.
#   self_test.sh     HEBB_BENCH_BIN names the programs; PYTHON one with PyTorch, or that part is left out
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${HEBB_BENCH_BIN:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
# gives CODE TEXT COMMAND...: the exit code, and a text in the output.
gives() {
  local code=$1 text=$2 got=0
  shift 2
  "$@" >"$work/output" 2>&1 || got=$?
  if [ "$got" -ne "$code" ] || ! grep -qF -- "$text" "$work/output"; then
    cat "$work/output" >&2
    fail "$*: exit code $got, not $code with \"$text\""
  fi
}

mkdir "$work/data"
for name in data_batch_{1..5} test_batch; do
  for label in 0 1 2 3 4 5 6 7; do
    printf '%b' "\\x0$label"
    head -c 3072 /dev/urandom
  done >"$work/data/$name.bin"
done

gives 2 "usage" "$bin/gpu_bench" --steps 1
gives 2 "there is no device 'tpu'" "$bin/gpu_bench" --device tpu
gives 2 "one rank of one thread" "$bin/local_train" x.yaml --device cuda --threads 2
gives 2 "there is no network Z" "$here/compare.sh" Z
gives 2 "compare.sh [options]" "$here/compare.sh" --rounds none
gives 2 "paper.sh OUT" "$here/paper.sh" "$work/out"
gives 2 "there is no network C" "$here/paper.sh" "$work/out" --data-dir "$work/data" --nets C
gives 2 "paper.sh OUT" "$here/paper.sh" "$work/out" --data-dir "$work/data" --resnet --nets B
for script in gpu_bench compare.sh paper.sh; do
  command=("$here/$script")
  [ $script != gpu_bench ] || command=("$bin/$script")
  [ $script != paper.sh ] || command+=("$work/out" --data-dir "$work/data")
  # A machine with a GPU is made to have none.
  gives 77 "skipped: there is no GPU" env CUDA_VISIBLE_DEVICES=-1 "${command[@]}"
  [ "$(wc -l <"$work/output")" -eq 1 ] || fail "$script says more than a line where it is skipped"
done

gives 0 "| simple_untied | 8 | tf32 |" "$bin/gpu_bench" --device host --steps 2 --epochs 1 \
  --precisions tf32 simple_untied learning.batch_size=8
gives 0 "| cifar10-net-b-frfb | 2 |" "$here/paper.sh" "$work/out" --data-dir "$work/data" \
  --device cpu --epochs 2 --nets B --at-once 2 dataset.validation=8 learning.batch_size=8
[ "$(wc -l <"$work/out/curves.csv")" -eq 10 ] || fail "curves.csv has not 3 jobs of 2 epochs and a test"
grep -q '^cifar10-net-b-urfb,test,' "$work/out/curves.csv" || fail "curves.csv has no test"
gives 0 "| cifar10-resnet20-frfb | 1 |" "$here/paper.sh" "$work/resnet" --data-dir "$work/data" \
  --device cpu --resnet --epochs 1 --rules "bp frfb" dataset.validation=8 learning.batch_size=8
grep -qE '^\| cifar10-resnet20-bp \| [0-9.]+ \| 8\.63 \|$' "$work/output" || fail "no row beside BioTorch's"
grep -q '^  rule: frfb' "$work/resnet/jobs/cifar10-resnet20-frfb.yaml" || fail "no job file by frfb"

if "${PYTHON:-python3}" -c 'import torch' 2>/dev/null; then
  gives 0 "| B | 8 |" "$here/compare.sh" --device cpu --steps 2 --rounds 1 --out "$work/compared" \
    B learning.batch_size=8
  grep -q '^B,eager-fp32,' "$work/compared/pytorch.csv" || fail "pytorch.csv has no variant"
  grep -q 'equal$' "$work/output" || fail "the losses were not compared"
else
  gives 77 "has no PyTorch" "$here/compare.sh" --device cpu B
  echo "the part with PyTorch is left out: there is none"
fi
echo passed
