#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The bundle in a fresh minimal Debian with no further package, no network and an ordinary user runs
# the quickstart job. HEBB_BIN: the programs to pack. Needs root (for the chroot), debootstrap,
# patchelf; exit code 77 where they are missing.
#   run.sh [--short] [BUNDLE.tar.xz]     --short: two epochs of it
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_root=$(cd "$here/../.." && pwd)
short=false
archive=
for argument in "$@"; do
  case "$argument" in
    --short) short=true ;;
    *) archive=$argument ;;
  esac
done
[ "$(id -u)" -eq 0 ] || { echo "skipped: a chroot needs root"; exit 77; }
command -v patchelf >/dev/null || { echo "skipped: patchelf is missing"; exit 77; }
debian=$("$source_root/tests/debian_root.sh") || { echo "skipped"; exit 77; }

work=$(mktemp -d "${TMPDIR:-/tmp}/hebb-bundle-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

if [ -z "$archive" ]; then
  bin=${HEBB_BIN:-$source_root/build/bin}
  "$source_root/deploy/bundle/make.sh" "$bin" "$work" 0 "of $bin"
  archive=$(echo "$work"/*.tar.xz)
fi
size=$(stat -c %s "$archive")
[ "$size" -le $((40 * 1048576)) ] || fail "the archive has $size bytes, more than 40 MiB"

# The GPU plugin comes along where it was built, CUDA's libraries never.
listed=$(tar -tf "$archive")
! grep -E '/lib(cuda|cudart|cublas|cublasLt|cudnn[a-z_]*|nccl|nvrtc)\.so' <<<"$listed" ||
  fail "CUDA's libraries are in the archive"
if [ -n "${bin:-}" ] && [ -e "$bin/libhebb_cuda.so" ]; then
  grep -q '/lib/libhebb_cuda\.so$' <<<"$listed" || fail "the GPU plugin is not in the archive"
fi

root=$work/root
mkdir "$root"
tar -C "$root" -xf "$debian"
mkdir -p "$root/srv/ann"
tar -C "$root/srv/ann" --no-same-owner -xf "$archive"
mv "$root"/srv/ann/hebb-* "$root/srv/ann/hebb"
for library in libgrpc libdnnl libgloo; do
  ! find "$root"/usr "$root"/lib* -name "$library*" | grep -q . || fail "the minimal root has $library"
done
glibc=$(sed -n 's/^glibc \(.*\) or newer/\1/p' "$root/srv/ann/hebb/BUILD")
[ "$(printf '%s\n2.36\n' "$glibc" | sort -V | tail -n 1)" = 2.36 ] || fail "it needs glibc $glibc"

sets=()
if ! $short && [ -d "${HEBB_DATA_SOURCE:-/nowhere}/fashion-mnist" ]; then
  mkdir -p "$root/source" && cp -r "$HEBB_DATA_SOURCE/fashion-mnist" "$root/source/"
else
  sets+=(--set dataset.name=glyphs)
fi
if $short; then sets+=(--set learning.epochs=2); fi
chown -R 10001:10001 "$root/srv/ann"

cat >"$root/try" <<'SH'
set -e
export HOME=/srv/ann HEBB_DATA_SOURCE=/source
cd /srv/ann/hebb
bin/hebb up --workers 2 --state-dir /srv/ann/state --data-dir /srv/ann/data --port 7070 --http-port 0 --detach
id=$(bin/hebb submit examples/quickstart.yaml "$@")
bin/hebb wait "$id"
bin/hebb describe "$id" -o json
bin/hebb export "$id" -o /srv/ann/weights.safetensors --digest
bin/hebb down --state-dir /srv/ann/state
SH
# Namespaces of its own: no network but the loopback, and nothing outlives the script.
unshare --mount --net --pid --fork --kill-child bash -c '
  set -e
  ip link set lo up
  mount -t proc proc "$1/proc"
  mkdir -p "$1/dev/shm" && mount -t tmpfs tmpfs "$1/dev/shm"
  for device in null zero random urandom; do touch "$1/dev/$device"; mount --bind "/dev/$device" "$1/dev/$device"; done
  exec timeout 600 chroot --userspec=10001:10001 "$1" /bin/sh /try "${@:2}"' bash "$root" "${sets[@]}" \
  >"$work/out" 2>"$work/err" || fail "$(tail -n 20 "$work/out" "$work/err")"

accuracy=$(sed -n 's/^ *"test_accuracy": *\([0-9.eE+-]*\),*$/\1/p' "$work/out" | head -n 1)
# Chance is 0.1; the short run is not meant to get far.
least=0.7
if $short; then least=0.3; fi
awk -v a="${accuracy:-0}" -v b=$least 'BEGIN { exit !(a > b) }' || fail "test accuracy '$accuracy': $(cat "$work/out")"
[ -s "$root/srv/ann/weights.safetensors" ] || fail "no weights were exported"
echo "$((size / 1048576)) MiB, glibc $glibc, test accuracy $accuracy, digest $(grep -oE '[0-9a-f]{64}' "$work/out" | tail -n 1)"
echo "passed"
