#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packs the three programs, and the GPU plugin where it was built, with the libraries that they need
# into one archive that runs from any folder of another x86-64 Linux (docs/bundle.md).
# `cmake --build --preset release --target bundle` calls it.
#   make.sh [--tests TESTS_DIR] BIN_DIR OUT_DIR VERSION BUILD_ID
#     --tests  adds the GPU's test programs of that folder and what runs them (tests/gpu/run.sh), and
#              what measures a GPU, where it was built (bench/gpu); the archive is hebb-VERSION-gpu-tests-linux-x86_64.tar.xz then
# Writes OUT_DIR/hebb-VERSION-linux-x86_64.tar.xz and the folder it was packed from.
set -euo pipefail
shopt -s inherit_errexit

tests=
if [ "${1:-}" = --tests ] && [ $# -ge 2 ]; then tests=$2 && shift 2; fi
[ $# -eq 4 ] || { echo "usage: make.sh [--tests TESTS_DIR] BIN_DIR OUT_DIR VERSION BUILD_ID" >&2; exit 2; }
bin=$1 out=$2 version=$3 build_id=$4
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
name=hebb-$version${tests:+-gpu-tests}-linux-$(uname -m)
folder=$out/$name
programs=(hebb hebb-coordinator hebb-worker)

die() { echo "bundle: $*" >&2; exit 1; }
command -v patchelf >/dev/null ||
  die "patchelf is missing, which makes libraries relocatable; apt-get install patchelf"

# The C library and its parts stay the system's: they belong to its kernel and name services.
of_glibc='^(ld-linux-x86-64|libc|libm|libdl|libpthread|librt|libresolv|libutil|libanl|libnsl)\.so'
# CUDA's too: they are large, and the plugin finds the machine's own (worker/gpu/plugin.h).
of_cuda='^lib(cuda|cudart|cublas|cublasLt|cudnn[a-z_]*|nccl|nvrtc[a-z-]*|nvJitLink)\.so'

# libraries FILE...: the paths of all libraries that the files load, their own names first.
libraries() {
  local missing
  missing=$(ldd "$@" | awk '/not found/ { print $1 }' | grep -vE "$of_cuda" | sort -u) || true
  [ -z "$missing" ] || die "not found on this system: $missing"
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | sort -u |
    grep -vE "$of_glibc|$of_cuda"
}

rm -rf "$folder" "$folder.tar.xz"
mkdir -p "$folder"/{bin,lib,examples,licences}
packed=()   # as they were built
# pack PATH FILE RPATH
pack() {
  install -m 755 -s "$1" "$folder/$2"
  # An old-style RPATH would reach further, but not below libraries that bring a path of their own.
  patchelf --set-rpath "$3" "$folder/$2"
  packed+=("$1")
}
for program in "${programs[@]}"; do pack "$bin/$program" "bin/$program" "\$ORIGIN/../lib"; done
plugin=$bin/libhebb_cuda.so
if [ -e "$plugin" ]; then pack "$plugin" lib/libhebb_cuda.so "\$ORIGIN"; fi
if [ -n "$tests" ]; then
  [ -e "$plugin" ] || die "there is no $plugin, which the GPU's tests are of; build with HEBB_WITH_CUDA=ON"
  mkdir "$folder/bin/tests"
  for program in "$tests"/test_gpu_* "$tests/gpu_gang"; do
    pack "$program" "bin/tests/${program##*/}" "\$ORIGIN/../../lib"
  done
  install -m 755 "$root/tests/gpu/run.sh" "$folder/run-gpu-tests.sh"
  if [ -e "$bin/gpu_bench" ]; then
    mkdir "$folder/bin/bench" "$folder/bench"
    for program in local_train gpu_bench; do
      pack "$bin/$program" "bin/bench/$program" "\$ORIGIN/../../lib"
    done
    install -m 755 "$root"/bench/gpu/{check_peer,compare,lib,paper}.sh "$root/bench/gpu/peer_gpu.py" \
      "$root/bench/gpu/tables.awk" "$folder/bench/"
  fi
fi

packages=()
while read -r soname path; do
  install -m 644 -s "$path" "$folder/lib/$soname"
  patchelf --set-rpath "\$ORIGIN" "$folder/lib/$soname"
  owner=$(dpkg-query -S "$path" "$(readlink -f "$path")" 2>/dev/null | head -n 1 | cut -d: -f1) || true
  [ -n "$owner" ] && packages+=("$owner")
done < <(libraries "${packed[@]}")

cp "$root/LICENSE" "$folder/licences/hebb"
for package in $(printf '%s\n' "${packages[@]}" | sort -u); do
  cp -L "/usr/share/doc/$package/copyright" "$folder/licences/$package"
done
cp "$root"/examples/*.yaml "$folder/examples/"
cp "$root/docs/bundle.md" "$folder/README.md"

needs=$(find "$folder/bin" "$folder/lib" -type f -exec objdump -T {} + |
  grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n 1)
printf 'hebb %s\nglibc %s or newer\n' "$build_id" "${needs#GLIBC_}" >"$folder/BUILD"

# Equal files give an equal archive: names in order, no times, no owners.
tar -C "$out" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - "$name" |
  xz -6 -T 2 >"$folder.tar.xz"
echo "$folder.tar.xz: $(($(stat -c %s "$folder.tar.xz") / 1048576)) MiB"
