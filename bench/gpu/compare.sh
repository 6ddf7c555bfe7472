#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Training steps beside PyTorch's on the same GPU in one run: sides alternate, medians, Markdown
# tables (docs/performance.md).
#   compare.sh [options] [NETWORK...]    simple A B simple_untied C_untied resnet20; default: all
#     --seconds N      for everything, default 540; rounds end early where a network's share is spent
#     --rounds N       default 3
#     --rule RULE      urfb (default) or bp
#     --steps N        between two looks at the clock, default 50
#     --variants LIST  of PyTorch (peer_gpu.py --help); default: all that are in time
#     --no-check       does not compare the two sides' losses first
#     --out FOLDER     keeps the figures there, a CSV file a side
#     --device D       cuda (default), cuda:N, or cpu to try the script out
#     key.path=value   goes to Hebb's job files
# PyTorch's best variant counts, its images lying on the GPU in float32; Hebb's come as bytes, shuffled,
# and are scaled in the step. Needs the programs of bench/ (HEBB_BENCH_BIN) and python3 with PyTorch 2
# (PYTHON). Exit codes: 0, 1 (a side fails, or the losses differ), 77 (no GPU or no PyTorch).
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=bench/gpu/lib.sh
source "$here/lib.sh"

seconds=540 rounds=3 steps=50 rule=urfb device=cuda check=true variants="" out=""
nets=() sets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds | --rounds | --steps)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage "$0"
      declare "${1#--}=$2" && shift
      ;;
    --rule) rule=${2:?} && shift ;;
    --variants) variants=${2:?} && shift ;;
    --device) device=${2:?} && shift ;;
    --out) out=${2:?} && shift ;;
    --no-check) check=false ;;
    -*) usage "$0" ;;
    *=*) sets+=("$1") ;;
    *) nets+=("$1") ;;
  esac
  shift
done
[ ${#nets[@]} -gt 0 ] || nets=("${all_networks[@]}")
for net in "${nets[@]}"; do job_file "$net" >/dev/null; done
need_programs local_train gpu_bench
need_gpu "$device"
need_pytorch
end=$((SECONDS + seconds))

kind=cuda precisions=float32,tf32,bf16
if [[ $device != cuda* ]]; then
  kind=cpu precisions=float32 variants=${variants:-eager-fp32}
elif [[ $device = cuda:* ]]; then
  # PyTorch's and ours: the one device that both see.
  export CUDA_VISIBLE_DEVICES=${device#cuda:}
  device=cuda
fi

work=$(mktemp -d)
peer=
# shellcheck disable=SC2317
stop_peer() {
  [ -n "$peer" ] || return 0
  kill "$peer" 2>/dev/null || true
  wait "$peer" 2>/dev/null || true
  peer=
}
# shellcheck disable=SC2317
finish() {
  stop_peer
  rm -rf "$work"
}
trap finish EXIT
: >"$work/hebb.csv"
: >"$work/pytorch.csv"
failed=0

if $check; then
  "$here/check_peer.sh" --device "$kind" --rules "bp" "${nets[@]}" >&2 || {
    code=$?
    [ $code -ne 77 ] || exit 77
    echo "compare.sh: the two sides do not compute the same" >&2
    failed=1
  }
fi

# start NETWORK SECONDS: PyTorch's process, with its variants made ready.
start() {
  local line options=(--device "$kind" --rule "$rule" --steps "$steps" --seconds "$2" --serve)
  [ -z "$variants" ] || options+=(--variants "$variants")
  for set in "${sets[@]}"; do
    [[ $set != learning.batch_size=* ]] || options+=(--batch "${set#*=}")
  done
  coproc PEER { exec "$python" "$here/peer_gpu.py" "$1" "${options[@]}"; }
  peer=$PEER_PID
  exec {to}>&"${PEER[1]}" {from}<&"${PEER[0]}"
  eval "exec ${PEER[1]}>&- ${PEER[0]}<&-"
  read -r -t $(($2 + 120)) -u "$from" line && [ "$line" = ready ]
}
# theirs NETWORK: one round, a line of pytorch.csv for each variant.
theirs() {
  local variant ms rest
  echo go >&"$to"
  while read -r -t 300 -u "$from" variant ms rest; do
    [ "$variant" != "done" ] || return 0
    echo "$1,$variant,$ms,$rest" >>"$work/pytorch.csv"
  done
  return 1
}
ours() {
  "$bin/gpu_bench" --device "$device" --precisions "$precisions" --steps "$steps" \
    --csv "$work/hebb.csv" "$1" learning.rule="$rule" "${sets[@]}" >/dev/null 2>"$work/log" ||
    { tail -n 5 "$work/log" >&2 && return 1; }
}

left=${#nets[@]}
for net in "${nets[@]}"; do
  share=$(((end - SECONDS) / left)) left=$((left - 1))
  until=$((SECONDS + share))
  ready=$((share * 55 / 100))
  if start "$net" $((ready > 10 ? ready : 10)); then
    for ((round = 0; round < rounds; ++round)); do
      [ $round -eq 0 ] || [ $SECONDS -lt $until ] || break
      theirs "$net" || { echo "compare.sh: PyTorch ends on $net" >&2 && failed=1; }
      ours "$net" || { echo "compare.sh: Hebb fails on $net" >&2 && failed=1; }
    done
    echo "$net: $round rounds, $((share + SECONDS - until)) s" >&2
  else
    echo "compare.sh: PyTorch has no variant for $net" >&2
    ours "$net" || echo "compare.sh: Hebb fails on $net" >&2
    failed=1
  fi
  exec {to}>&-
  while read -r -t 20 -u "$from" _; do :; done # it ends by itself, with what it has started
  exec {from}<&-
  stop_peer
done

if [ -n "$out" ]; then
  mkdir -p "$out"
  { echo "network,batch,precision,ms_0_slices,ms_8_slices,floor_ms,floor_with_activations_ms" &&
    cat "$work/hebb.csv"; } >"$out/hebb.csv"
  { echo "network,variant,ms,images_per_second" && cat "$work/pytorch.csv"; } >"$out/pytorch.csv"
fi
awk -v rule="$rule" -v nets="${nets[*]}" -f "$here/tables.awk" "$work/pytorch.csv" "$work/hebb.csv"
echo
"$bin/gpu_bench" --only-rates --device "$device"
echo "Medians of up to $rounds alternating rounds; $(machine_line)."
exit $failed
