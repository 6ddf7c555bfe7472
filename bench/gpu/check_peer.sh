#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whether PyTorch's networks (peer_gpu.py) are ours: the losses of the first three steps from the
# same start tensors on the same images, in float32, must be equal but for rounding.
#   check_peer.sh [--device cuda|cpu] [--rules "bp urfb"] [NETWORK...]
# Needs the programs of bench/ (HEBB_BENCH_BIN), the job files (HEBB_EXAMPLES) and python3 with
# PyTorch (PYTHON). Exit codes: 0 equal, 1 not, 77 there is no GPU or no PyTorch.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=bench/gpu/lib.sh
source "$here/lib.sh"
device=cuda
rules="bp urfb"
nets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --device) device=${2:?} && shift ;;
    --rules) rules=${2:?} && shift ;;
    -*) usage "$0" ;;
    *) nets+=("$1") ;;
  esac
  shift
done
[ ${#nets[@]} -gt 0 ] || nets=("${all_networks[@]}")
need_programs local_train
need_pytorch
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Ours, as peer_gpu.py --check has it: no dropout, the images as they are, all in one batch.
ours() { # NETWORK RULE
  local file sets=()
  file=$(job_file "$1")
  mapfile -t sets < <(sed -nE \
    's/.*name: ([a-z0-9_]+), dropout.*/network.layers.\1.dropout.rate=0/p' "$file")
  [ "$1" != resnet20 ] || sets+=(dataset.augment.flip=false dataset.augment.crop=0)
  [ "$device" = cpu ] || sets+=(resources.device=cuda)
  "$bin/local_train" "$file" --device "$device" --csv "$work/ours.csv" "${sets[@]}" \
    learning.rule="$2" learning.batch_size=64 learning.epochs=3 dataset.path="$work" \
    dataset.validation=0 dataset.normalize=unit diagnostics.every_epochs=0 \
    learning.optimizer.sgd.learning_rate=0.02 resources.workers=1 resources.min_workers=1 init.from="$work/start.safetensors" >/dev/null
  awk -F, '$2 ~ /^[0-9]+$/ {print $2, $3}' "$work/ours.csv"
}

bad=0
for net in "${nets[@]}"; do
  for rule in $rules; do
    "$python" "$here/peer_gpu.py" "$net" --device "$device" --rule "$rule" --check "$work" \
      >"$work/theirs" || stop $? "peer_gpu.py $net fails"
    ours "$net" "$rule" >"$work/ours" || stop $? "local_train fails on $net"
    # The first loss is a forward pass; the third has two updates in it.
    paste -d' ' "$work/theirs" "$work/ours" | awk -v net="$net" -v rule="$rule" '
      function off(a, b) {return a > b ? (a - b) / b : (b - a) / b}
      {worst = off($2, $4) > worst ? off($2, $4) : worst; text = text " " $2 " (" $4 ")"}
      END {good = NR == 3 && worst < 1e-3
        printf "%s %s:%s, off by %.1e: %s\n", net, rule, text, worst, good ? "equal" : "NOT EQUAL"
        exit !good}' || bad=1
  done
done
exit $bad
