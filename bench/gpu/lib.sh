# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scripts of this folder share. They run from the source tree (programs in build/ci/bin) and
# from an archive (docs/bundle.md), where this folder is bench/.
: "${here:?}"
all_networks=(simple A B simple_untied C_untied resnet20)

if [ -d "$here/../bin/bench" ]; then
  folder=$(cd "$here/.." && pwd)
  bin=${HEBB_BENCH_BIN:-$folder/bin/bench}
  export HEBB_EXAMPLES=${HEBB_EXAMPLES:-$folder/examples}
  plugin=$folder/lib/libhebb_cuda.so
else
  folder=$(cd "$here/../.." && pwd)
  bin=${HEBB_BENCH_BIN:-$folder/build/ci/bin}
  export HEBB_EXAMPLES=${HEBB_EXAMPLES:-$folder/examples}
  plugin=$bin/libhebb_cuda.so
fi
export HEBB_CUDA_PLUGIN=${HEBB_CUDA_PLUGIN:-$plugin}
python=${PYTHON:-python3}

stop() { # CODE WORDS...
  local code=$1
  shift
  if [ "$code" -eq 77 ]; then exit 77; fi
  echo "$(basename "$0"): $*" >&2
  exit "$code"
}

# The comment at the script's head.
usage() {
  awk 'NR > 2 && !/^#/ {exit} NR > 2 {sub(/^# ?/, ""); print}' "$1" >&2
  exit 2
}

need_programs() {
  local program
  for program in "$@"; do
    [ -x "$bin/$program" ] || stop 2 "there is no $bin/$program; build it, or set HEBB_BENCH_BIN"
  done
}

need_pytorch() {
  "$python" -c 'import torch' 2>/dev/null || {
    echo "skipped: $python has no PyTorch; set PYTHON to one that has"
    exit 77
  }
}

# A GPU that CUDA can use, or the end with 77 and the program's line.
need_gpu() {
  local code=0
  "$bin/gpu_bench" --only-rates --device "${1:-cuda}" || code=$?
  [ "$code" -eq 0 ] || exit "$code"
}

job_file() { # NETWORK
  case $1 in
    simple) echo "$HEBB_EXAMPLES/cifar10-simple-urfb.yaml" ;;
    A) echo "$HEBB_EXAMPLES/cifar10-net-a-urfb.yaml" ;;
    B) echo "$HEBB_EXAMPLES/cifar10-net-b-urfb.yaml" ;;
    simple_untied) echo "$HEBB_EXAMPLES/cifar10-simple-untied-urfb.yaml" ;;
    C_untied) echo "$HEBB_EXAMPLES/cifar10-net-c-untied-urfb.yaml" ;;
    resnet20) echo "$HEBB_EXAMPLES/cifar10-resnet20.yaml" ;;
    *) stop 2 "there is no network $1; known: ${all_networks[*]}" ;;
  esac
}

# CUDA's libraries of a toolkit or of the Python, where the system's loader knows none: the plugin
# looks there (worker/gpu/plugin.h).
find_cuda() {
  local found
  found=$({
    printf '%s\n' /usr/local/cuda/lib64 /usr/local/cuda-*/lib64
    timeout 60 "$python" -c '
import glob, site, sys
for place in dict.fromkeys(list(sys.path) + [site.getusersitepackages()]):
    for found in sorted(glob.glob(place + "/nvidia/*/lib")) if place else []:
        print(found)' 2>/dev/null || true
  } | while read -r place; do
    if compgen -G "$place/lib*.so.*" >/dev/null; then echo "$place"; fi
  done | paste -sd:)
  export HEBB_CUDA_LIBRARY_PATH=${HEBB_CUDA_LIBRARY_PATH:+$HEBB_CUDA_LIBRARY_PATH:}$found
}
find_cuda

# One line for the table's foot: GPU, driver, commit.
machine_line() {
  local gpu="no nvidia-smi" build=unknown
  if command -v nvidia-smi >/dev/null; then
    gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -n 1) || true
  fi
  if [ -e "$folder/BUILD" ]; then
    build=$(head -n 1 "$folder/BUILD")
  elif command -v git >/dev/null; then
    build=$(git -C "$folder" rev-parse --short=10 HEAD 2>/dev/null) || true
  fi
  echo "$gpu; $build; $("$python" -c 'import torch; print("PyTorch", torch.__version__)' \
    2>/dev/null || echo "no PyTorch")"
}
