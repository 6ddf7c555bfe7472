#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Training throughput beside PyTorch on the same machine in one run: sides alternate, medians.
#   bench/compare_peer.sh PEER_DIR CIFAR10_DIR [ROUNDS] [RULE]
# PEER_DIR holds throughput.py and ddp.py (networks simple, deepA, deepB). CIFAR10_DIR holds the
# unpacked binary files. Each side at its best of 1 process x 2 threads and 2 processes (ranks) x 1
# thread. Hebb's side is whole steps of the trainer: data, dropout, sums over 8 slices, update.
# Needs build/dev/bin/local_train (preset dev), python3 with PyTorch.
set -euo pipefail
[ $# -ge 2 ] || { sed -n 3,9p "$0" >&2; exit 2; }
peer=$1 data=$2 rounds=${3:-3} rule=${4:-urfb}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
train=${HEBB_LOCAL_TRAIN:-$root/build/dev/bin/local_train}
python=${PYTHON:-/usr/bin/python3}
unset OPENBLAS_CORETYPE # let both sides choose their kernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# 2,500 training images are enough to time steps on.
for file in data_batch_{1,2,3,4,5}.bin test_batch.bin; do
  head -c $((500 * 3073)) "$data/$file" >"$work/$file"
done

hebb_speed() { # NET EPOCHS RANKS THREADS
  "$train" "$root/examples/cifar10-$1-$rule.yaml" --ranks "$3" --threads "$4" \
    dataset.path="$work" dataset.validation=0 learning.epochs="$2" resources.workers=1 |
    sed -n 's/.* \([0-9]*\) images\/s.*/\1/p' | tail -n 1
}
peer_threads() { "$python" "$peer/throughput.py" "$1" "$rule" 500 "$2" 2; }
peer_ddp() {
  local port=$((20000 + RANDOM % 10000))
  MASTER_ADDR=127.0.0.1 MASTER_PORT=$port WORLD_SIZE=2 RANK=1 \
    "$python" "$peer/ddp.py" "$1" "$rule" 500 "$2" >/dev/null &
  MASTER_ADDR=127.0.0.1 MASTER_PORT=$port WORLD_SIZE=2 RANK=0 \
    "$python" "$peer/ddp.py" "$1" "$rule" 500 "$2"
  wait $!
}
images() { sed -n 's/.* \([0-9]*\) images\/s.*/\1/p' | head -n 1; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

echo "| network | PyTorch 1x2 | PyTorch DDP 2x1 | Hebb 1x2 | Hebb 2x1 | best to best |"
echo "|---|---|---|---|---|---|"
for line in "simple simple 8 12" "net-a deepA 4 5" "net-b deepB 8 12"; do
  read -r ours theirs epochs steps <<<"$line"
  : >"$work/p12"; : >"$work/p21"; : >"$work/h12"; : >"$work/h21"
  for _ in $(seq "$rounds"); do
    peer_threads "$theirs" "$steps" | images >>"$work/p12"
    hebb_speed "$ours" "$epochs" 1 2 >>"$work/h12"
    peer_ddp "$theirs" "$steps" | images >>"$work/p21"
    hebb_speed "$ours" "$epochs" 2 1 >>"$work/h21"
  done
  p12=$(median <"$work/p12") p21=$(median <"$work/p21")
  h12=$(median <"$work/h12") h21=$(median <"$work/h21")
  awk -v n="$ours" -v a="$p12" -v b="$p21" -v c="$h12" -v d="$h21" 'BEGIN {
    p = a > b ? a : b; h = c > d ? c : d
    printf "| %s | %d | %d | %d | %d | %.2f |\n", n, a, b, c, d, h / p }'
done
echo
echo "$rule, batch 500, float32, medians of $rounds alternating rounds, images/s; load now: $(cut -d' ' -f1-3 /proc/loadavg)"
