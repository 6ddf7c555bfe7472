#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The CIFAR-10 experiment of Amit 2019 on a GPU, tied: networks simple and B by BP, URFB and FRFB,
# 1000 epochs of 45,000 images, all six runs at the same time on the one GPU (docs/reproduction.md).
# Or BioTorch's row of ResNet-20 (Sanfiz and Akrout 2021): BP, FA (frfb) and frSF, 250 epochs.
#   paper.sh OUT --data-dir DIR [options]
#     --data-dir DIR   with CIFAR-10's binary files, in it or below it as `hebb data get` puts them
#     --resnet         examples/cifar10-resnet20.yaml by each rule, in place of the six runs
#     --epochs N       default 1000; with --resnet 250, as its rates are planned for
#     --nets LIST      default "simple B"; A is known too; not with --resnet
#     --rules LIST     default "bp urfb frfb"; with --resnet "bp frfb frsf"
#     --precision P    float32 (default), tf32 or bf16
#     --at-once N      runs at the same time, default 6
#     --seconds N      for everything, default 570; what is not done by then is in the table as far
#                      as it came
#     --device D       cuda (default), cuda:N, or cpu
#     key.path=value   goes to the job files
# Writes OUT/curves.csv (every epoch of each job, and its test), OUT/table.md and OUT/log, and with
# --resnet the job files into OUT/jobs. Without
# slices, unless data_parallel.slices=8 is given. Exit codes: 0 all runs done, 1 not, 77 no GPU.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=bench/gpu/lib.sh
source "$here/lib.sh"

out="" data="" epochs="" nets="" rules="" resnet="" precision=float32
at_once=6 seconds=570 device=cuda sets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --data-dir) data=${2:?} && shift ;;
    --epochs | --seconds | --at-once)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage "$0"
      name=${1#--}
      declare "${name//-/_}=$2"
      shift
      ;;
    --resnet) resnet=1 ;;
    --nets) nets=${2:?} && shift ;;
    --rules) rules=${2:?} && shift ;;
    --precision) precision=${2:?} && shift ;;
    --device) device=${2:?} && shift ;;
    -*) usage "$0" ;;
    *=*) sets+=("$1") ;;
    *)
      [ -z "$out" ] || usage "$0"
      out=$1
      ;;
  esac
  shift
done
if [ -z "$out" ] || [ -z "$data" ]; then usage "$0"; fi
if [ "$resnet" ] && [ "$nets" ]; then usage "$0"; fi

files=()
if [ "$resnet" ]; then
  : "${epochs:=250}" "${rules:=bp frfb frsf}"
else
  : "${epochs:=1000}" "${rules:=bp urfb frfb}" "${nets:=simple B}"
fi
for net in $nets; do
  for rule in $rules; do
    case $net in
      simple) name=simple ;;
      A | B) name=net-${net,,} ;;
      *) stop 2 "there is no network $net with a job file for each rule; known: simple A B" ;;
    esac
    file=$HEBB_EXAMPLES/cifar10-$name-$rule.yaml
    [ -e "$file" ] || stop 2 "there is no $file; known rules: bp urfb frfb"
    files+=("$file")
  done
done
need_programs local_train gpu_bench
need_gpu "$device"
place=(--data-dir "$data")
if [ -e "$data/data_batch_1.bin" ]; then place=(dataset.path="$data"); fi
kind=cpu
if [[ $device = cuda* ]]; then kind=cuda; fi

mkdir -p "$out"
if [ "$resnet" ]; then
  mkdir -p "$out/jobs"
  for rule in $rules; do
    files+=("$out/jobs/cifar10-resnet20-$rule.yaml")
    sed -e "s/^name: .*/name: cifar10-resnet20-$rule/" -e "s/^  rule: .*/  rule: $rule/" \
      "$HEBB_EXAMPLES/cifar10-resnet20.yaml" >"${files[-1]}"
  done
fi
: >"$out/log"
echo "job,epoch,loss,train_accuracy,validation_accuracy,seconds,cosine" >"$out/curves.csv"
begun=$SECONDS failed=0
for ((first = 0; first < ${#files[@]}; first += at_once)); do
  left=$((seconds - SECONDS + begun))
  [ $left -gt 0 ] || { echo "no time is left for ${files[*]:first}" >&2 && failed=1 && break; }
  code=0
  timeout --kill-after=10 "$left" "$bin/local_train" "${files[@]:first:at_once}" \
    --device "$device" --csv "$out/some.csv" "${place[@]}" resources.device=$kind \
    resources.workers=1 resources.min_workers=1 diagnostics.every_epochs=0 \
    data_parallel.slices=0 learning.precision="$precision" learning.epochs="$epochs" \
    "${sets[@]}" >>"$out/log" 2>&1 || code=$?
  if [ -e "$out/some.csv" ]; then
    tail -n +2 "$out/some.csv" >>"$out/curves.csv"
    rm "$out/some.csv"
  fi
  [ $code -ne 0 ] || continue
  failed=1
  if [ $code -eq 124 ]; then echo "paper.sh: not done in $seconds s" >&2; else tail -n 5 "$out/log" >&2; fi
done

{
  echo "| job | epochs | loss | training % | validation % | best | test % | W-R cosine | s |"
  echo "|---|---|---|---|---|---|---|---|---|"
  awk -F, 'NR == 1 {next}
    !($1 in last) {order[++n] = $1; last[$1] = 0}
    $2 == "test" {test[$1] = $5; end[$1] = $6; next}
    {last[$1] = $2; loss[$1] = $3; train[$1] = $4; validation[$1] = $5; end[$1] = $6; cosine[$1] = $7
     if ($5 > best[$1]) best[$1] = $5}
    END {for (i = 1; i <= n; ++i) {
      j = order[i]
      printf "| %s | %d | %.5f | %s | %s | %s | %s | %s | %.0f |\n", j, last[j], loss[j], train[j],
        validation[j], best[j], (j in test) ? test[j] : "not done", cosine[j], end[j]}}' "$out/curves.csv"
  if [ "$resnet" ]; then
    echo
    echo "| job | test error % | BioTorch's |"
    echo "|---|---|---|"
    awk -F, '
      BEGIN {wanted["bp"] = "8.63"; wanted["frfb"] = "32.16"; wanted["frsf"] = "11.20"
             wanted["dfa"] = "45.94"; wanted["usf"] = "10.05"; wanted["brsf"] = "11.02"}
      NR > 1 && !($1 in error) {order[++n] = $1; error[$1] = "not done"}
      $2 == "test" {error[$1] = sprintf("%.2f", 100 - $5)}
      END {for (i = 1; i <= n; ++i) {
        rule = order[i]
        sub(/.*-/, "", rule)
        printf "| %s | %s | %s |\n", order[i], error[order[i]],
          (rule in wanted) ? wanted[rule] : "-"}}' "$out/curves.csv"
  fi
  echo
  echo "$precision, $at_once runs at the same time, $((SECONDS - begun)) s in all; $(machine_line)."
} | tee "$out/table.md"
exit $failed
