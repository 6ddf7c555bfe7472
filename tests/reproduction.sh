#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# CIFAR-10, network B, BP / URFB / FRFB with seeds 1-3 through the service: prints the table of
# docs/reproduction.md. Long: nine jobs. The data come from HEBB_DATA_SOURCE or the net.
#   tests/reproduction.sh [--epochs N] [--rules "bp urfb frfb"] [--seeds "1 2 3"] [--workers N]
source "$(dirname "${BASH_SOURCE[0]}")/e2e/lib.sh"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
epochs=15
rules="bp urfb frfb"
seeds="1 2 3"
workers=2
while [ $# -gt 0 ]; do
  case "$1" in
    --epochs) epochs=$2 ;;
    --rules) rules=$2 ;;
    --seeds) seeds=$2 ;;
    --workers) workers=$2 ;;
    *) sed -n 5s/^#..//p "$0"; exit 2 ;;
  esac
  shift 2
done

DATA=${HEBB_DATA_DIR:-$DATA}
hebb data get cifar10 --data-dir "$DATA" >&2
up s "$workers"

results=$WORK/results.jsonl
for rule in $rules; do
  for seed in $seeds; do
    id=$(hebb submit "$root/examples/cifar10-net-b-$rule.yaml" --set "seed=$seed" \
      --set "learning.epochs=$epochs" --set "resources.workers=$workers" -o json 2>/dev/null |
      jq -r .id)
    echo "$rule, seed $seed: job $id" >&2
    "$HEBB_BIN/hebb" watch "$id" >/dev/null # no time limit but the job's own
    hebb describe "$id" -o json | jq -c --arg rule "$rule" --argjson seed "$seed" \
      '{rule: $rule, seed: $seed, validation: .metrics.validation_accuracy,
        test: .metrics.test_accuracy, speed: .images_per_second,
        alignment: (.epochs[-1].alignment | map({(.layer): .cosine}) | add // {})}' >>"$results"
  done
done

percent='(. * 1000 | round / 10)'
echo "| rule | seeds | validation, mean | each | test, mean | images/s |"
echo "|---|---|---|---|---|---|"
jq -rs "group_by(.rule)[] | [.[0].rule, length,
  (map(.validation) | add / length | $percent),
  (map(.validation | $percent | tostring) | join(\" \")),
  (map(.test) | add / length | $percent), (map(.speed) | add / length | round)]
  | map(tostring) | \"| \" + join(\" | \") + \" |\"" "$results"
echo
echo "W-R cosine at the end, mean over seeds:"
echo
jq -rs 'map(select(.alignment != {})) | group_by(.rule)[] | .[0].rule as $rule | length as $n
  | (map(.alignment | to_entries[]) | group_by(.key) | map("\(.[0].key) \((map(.value) | add / $n * 1000 | round / 1000))")
  | join(", ")) | "- \($rule): " + .' "$results"
passed
