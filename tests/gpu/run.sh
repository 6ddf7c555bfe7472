#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves Hebb on a machine with a GPU: its test programs, gangs of processes that sum with NCCL on the
# one GPU, a job that is trained twice, and at the end the test programs again under compute-sanitizer,
# where there is one. Needs a driver, CUDA's libraries (a toolkit's, or those of a Python environment:
# nvidia/*/lib), and nothing else. In an archive (docs/bundle.md) it is called run-gpu-tests.sh.
#   run.sh [--no-sanitizer] [--seconds N] [FOLDER]
#     --seconds N   ends by then; what has no time left is in the table as skipped
#     FOLDER        an unpacked archive or a build folder; default: the script's own, or build/ci
# Ends with a table. Exit codes: 0 all passed, 1 something failed, 77 there is no GPU. The logs stay
# in the folder that the last line names where something failed.
set -euo pipefail
shopt -s inherit_errexit nullglob

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage() { echo "usage: run.sh [--no-sanitizer] [--seconds N] [FOLDER]" >&2; exit 2; }
sanitize=true
seconds=86400
folder=
while [ $# -gt 0 ]; do
  case "$1" in
    --no-sanitizer) sanitize=false ;;
    --seconds)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage
      seconds=$2
      shift
      ;;
    -*) usage ;;
    *) folder=$1 ;;
  esac
  shift
done
end=$((SECONDS + seconds))
if [ -z "$folder" ]; then
  if [ -d "$here/bin" ]; then folder=$here; else folder=$here/../../build/ci; fi
fi
skip() { echo "skipped: $*"; exit 77; }
[ -d "$folder" ] || { echo "run.sh: there is no folder $folder" >&2; exit 2; }
folder=$(cd "$folder" && pwd)

plugin=""
programs=""
for file in "$folder"/{lib,bin}/libhebb_cuda.so; do
  if [ -e "$file" ]; then plugin=$file; break; fi
done
for place in "$folder"/bin/tests "$folder"/tests; do
  if [ -x "$place/gpu_gang" ]; then programs=$place; break; fi
done
[ -n "$programs" ] || skip "the GPU's test programs are not in $folder; build the target gpu_tests"
[ -n "$plugin" ] || skip "there is no libhebb_cuda.so in $folder; build with HEBB_WITH_CUDA=ON"
code=0
"$programs/gpu_gang" --gpu || code=$?
[ "$code" -ne 77 ] || exit 77
[ "$code" -eq 0 ] || { echo "run.sh: $programs/gpu_gang does not start" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/hebb-gpu-XXXXXX")
export HEBB_CUDA_PLUGIN=$plugin

# ---- where CUDA's libraries may be: the loader's own places come first (worker/gpu/plugin.h)

cuda_folders() {
  local nvcc
  if nvcc=$(command -v nvcc); then echo "$(dirname "$(dirname "$(readlink -f "$nvcc")")")/lib64"; fi
  printf '%s\n' /usr/local/cuda/lib64 /usr/local/cuda-*/lib64
  if command -v python3 >/dev/null; then
    timeout 60 python3 -c '
import glob, site, sys
places = list(sys.path) + [site.getusersitepackages()]
for place in dict.fromkeys(places):
    if place:
        for found in sorted(glob.glob(place + "/nvidia/*/lib")):
            print(found)' 2>/dev/null || true
  fi
}
found=()
while read -r candidate; do
  if compgen -G "$candidate/lib*.so.*" >/dev/null; then found+=("$candidate"); fi
done < <(cuda_folders | awk '!seen[$0]++')
libraries=$(IFS=:; echo "${found[*]}")
export HEBB_CUDA_LIBRARY_PATH=${HEBB_CUDA_LIBRARY_PATH:+$HEBB_CUDA_LIBRARY_PATH:}$libraries

# ---- what is run, and the table

names=() results=() times=()
# check NAME SECONDS COMMAND...: one line of the table.
check() {
  local name=$1 limit=$2 log code=0 begun=$SECONDS left=$((end - SECONDS))
  shift 2
  if [ $left -le 0 ]; then
    left_out "$name" "no time left"
    return
  fi
  local cut=$((limit < left ? limit : left))
  log=$work/$(echo "$name" | tr -c 'a-z0-9_\n' '-').log
  timeout --kill-after=10 "$cut" "$@" >"$log" 2>&1 || code=$?
  names+=("$name") times+=($((SECONDS - begun)))
  case $code in
    0) results+=(passed) ;;
    77) results+=(skipped) ;;
    124 | 137)
      if [ "$cut" -lt "$limit" ]; then
        results+=("skipped: no time left")
      else
        results+=("FAILED: not done in $limit s")
      fi
      ;;
    *) results+=("FAILED: exit code $code") ;;
  esac
  echo "$name: ${results[-1]}, ${times[-1]} s"
  if [ "$code" -ne 0 ]; then tail -n 20 "$log" | sed 's/^/    /'; fi
}
left_out() { names+=("$1") results+=("skipped: $2") times+=(0); }

# First what all else is built on.
tests=("$programs"/test_gpu_{ops,products})
for test in "$programs"/test_gpu_*; do
  case $test in */test_gpu_ops | */test_gpu_products) ;; *) tests+=("$test") ;; esac
done
for test in "${tests[@]}"; do check "${test##*/}" 600 "$test"; done

# gang SIZE [--lose]: each rank a process that NCCL takes for another host, so that they may share
# the GPU: a thing that NCCL does not support, for correctness only.
gang() {
  local size=$1 place rank pids=() code=0
  shift
  place=$(mktemp -d "$work/gang-XXXXXX")
  for ((rank = 0; rank < size; ++rank)); do
    NCCL_HOSTID=hebb-$rank NCCL_SOCKET_IFNAME=lo NCCL_NET=Socket NCCL_IB_DISABLE=1 \
      NCCL_MNNVL_ENABLE=0 \
      timeout --kill-after=10 200 "$programs/gpu_gang" "$rank" "$size" "$place" "$@" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || code=1; done
  return $code
}
export -f gang
export programs work
for size in 1 2 4; do check "gang of $size" 240 bash -c 'gang "$@"' bash $size; done
for size in 2 4; do check "gang of $size, one lost" 240 bash -c 'gang "$@"' bash $size --lose; done

# job NAME: a short job on the GPU, in a service of its own. Its weights' digest goes to NAME.digest.
job() {
  local state=$work/$1 hebb=$folder/bin/hebb id
  "$hebb" up --workers 1 --state-dir "$state" --data-dir "$work/data" --port 0 --http-port 0 --detach
  # shellcheck disable=SC2064
  trap "'$hebb' down --state-dir '$state'" EXIT
  HEBB_ADDRESS=$(sed -n 's/.*"address": *"\([^"]*\)".*/\1/p' "$state/up.json" | head -n 1)
  export HEBB_ADDRESS
  id=$("$hebb" submit "$example" --set dataset.name=glyphs --set resources.workers=1 \
    --set resources.device=cuda --set learning.epochs=2)
  "$hebb" wait "$id" --timeout 300
  "$hebb" describe "$id"
  "$hebb" export "$id" -o "$state/weights.safetensors" --digest | grep -oE '[0-9a-f]{64}' |
    tail -n 1 >"$work/$1.digest"
  [ -s "$work/$1.digest" ]
}
same_digest() { cat "$work"/{first,second}.digest && cmp "$work"/{first,second}.digest; }
export -f job same_digest
export folder
example=$folder/examples/quickstart.yaml
[ -e "$example" ] || example=$here/../../examples/quickstart.yaml
export example
if [ -x "$folder/bin/hebb" ] && [ -x "$folder/bin/hebb-worker" ] && [ -e "$example" ]; then
  check "job on the GPU" 400 bash -ec 'job first'
  check "the job again" 400 bash -ec 'job second'
  check "the same bits" 10 bash -ec same_digest
else
  left_out "job on the GPU" "the programs are not in $folder/bin"
fi

# Memory that is read or written where it must not be. Only the device's part of a test, where its
# names tell which that is. Errors of calls are the tests' own matter: some ask for too much memory,
# and libraries try out what a device can. Races are looked for in shared memory alone, of which our
# kernels have none.
sanitizer=
for candidate in "$(command -v compute-sanitizer || true)" /usr/local/cuda*/bin/compute-sanitizer; do
  if [ -x "$candidate" ]; then sanitizer=$candidate; break; fi
done
if ! $sanitize || [ -z "$sanitizer" ]; then
  left_out memcheck "$($sanitize && echo "there is no compute-sanitizer" || echo "as asked")"
else
  for test in "${tests[@]}"; do
    check "memcheck ${test##*/}" 900 "$sanitizer" --tool memcheck --report-api-errors no \
      --error-exitcode 99 "$test" --gtest_filter='-*host*'
  done
fi

# ---- the end

echo
failed=0 late=0
for i in "${!names[@]}"; do
  printf '%-40s %-30s %5d s\n' "${names[$i]}" "${results[$i]}" "${times[$i]}"
  case ${results[$i]} in
    FAILED*) failed=$((failed + 1)) ;;
    *"no time left") late=$((late + 1)) ;;
  esac
done
if command -v nvidia-smi >/dev/null; then
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
fi
if [ -e "$folder/BUILD" ]; then head -n 1 "$folder/BUILD"; fi
if [ "$failed" -gt 0 ]; then
  echo "FAILED: $failed of ${#names[@]}; logs: $work"
  exit 1
fi
rm -rf --one-file-system "$work"
if [ "$late" -gt 0 ]; then
  echo "passed, but for $late of ${#names[@]} there was no time left"
else
  echo "passed"
fi
