#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# CIFAR-10, network B from the very tensors that PyTorch started from (no shuffling, no dropout,
# ties: first): the train loss of every epoch must be within 1 % of PyTorch's. Long: two trainings a
# rule. The data come from HEBB_DATA_SOURCE or the net.
#   tests/fixed_start.sh PEER_DIR [--epochs N] [--logs DIR]
# PEER_DIR holds learn.py (arguments NET RULE EPOCHS SEED --fixed --export FILE). --logs: a folder
# where DIR/RULE.txt and DIR/RULE.safetensors are kept and, if there already, not made again.
peer=${1:?usage: fixed_start.sh PEER_DIR [--epochs N] [--logs DIR]}
shift
source "$(dirname "${BASH_SOURCE[0]}")/e2e/lib.sh"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
epochs=5
logs=$WORK
while [ $# -gt 0 ]; do
  case "$1" in
    --epochs) epochs=$2 ;;
    --logs) logs=$(cd "$2" && pwd) ;;
    *) echo "fixed_start.sh: unknown option $1"; exit 2 ;;
  esac
  shift 2
done

DATA=${HEBB_DATA_DIR:-$DATA}
hebb data get cifar10 --data-dir "$DATA" >&2
up s 2

layers=network.layers
fixed=(--set dataset.shuffle=false --set "learning.epochs=$epochs")
for name in drop1 drop2; do fixed+=(--set "$layers.$name.dropout.rate=0"); done
for name in pool1 pool2 pool3; do fixed+=(--set "$layers.$name.max_pool.ties=first"); done

worst=0
echo "| rule | epoch | PyTorch | Hebb | difference |"
echo "|---|---|---|---|---|"
for rule in bp urfb frfb; do
  if ! [ -s "$logs/$rule.txt" ]; then
    (cd "$peer" && env -u OPENBLAS_CORETYPE CIFAR10="$DATA/cifar10" "${PYTHON:-/usr/bin/python3}" \
      learn.py deepB "$rule" "$epochs" 1 --fixed --export "$logs/$rule.safetensors") \
      >"$logs/$rule.txt"
  fi
  id=$(hebb submit "$root/examples/cifar10-net-b-$rule.yaml" "${fixed[@]}" \
    --set "init.from=$logs/$rule.safetensors" -o json 2>/dev/null | jq -r .id)
  "$HEBB_BIN/hebb" watch "$id" >/dev/null
  hebb describe "$id" -o json | jq -r '.epochs[].metrics.train_loss' >"$WORK/ours"
  sed -n 's/.*: loss \([0-9.]*\) .*/\1/p' "$logs/$rule.txt" | head -n "$epochs" >"$WORK/theirs"
  paste "$WORK/theirs" "$WORK/ours" | awk -v rule="$rule" '{
    d = 100 * ($2 - $1) / $1
    printf "| %s | %d | %.5f | %.5f | %+.3f %% |\n", rule, NR, $1, $2, d }'
  worst=$(paste "$WORK/theirs" "$WORK/ours" | awk -v w="$worst" '{
    d = ($2 - $1) / $1; if (d < 0) d = -d; if (d > w) w = d } END { print w }')
done
awk -v w="$worst" 'BEGIN { exit w <= 0.01 ? 0 : 1 }' || fail "a loss differs by more than 1 %"
passed >&2
