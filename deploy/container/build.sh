#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the container image from the bundle, and the bundle first unless one is given.
#   build.sh [--variant cpu|cuda] [--tag NAME] [--bundle FILE.tar.xz] [--base IMAGE]
#     --base    the image to build in (cpu: debian:bookworm-slim) or on (cuda: see Containerfile)
# HEBB_PODMAN: the command, with options ("podman"; docker does as well).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
variant=cpu tag= bundle= base=
usage() { sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2; exit 2; }
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || usage
  case "$1" in
    --variant) variant=$2 ;;
    --tag) tag=$2 ;;
    --bundle) bundle=$2 ;;
    --base) base=$2 ;;
    *) usage ;;
  esac
  shift 2
done
case "$variant" in cpu | cuda) ;; *) usage ;; esac

if [ -z "$bundle" ]; then
  (cd "$root" && cmake --preset release >/dev/null && cmake --build --preset release --target bundle) >&2
  bundle=$(ls -t "$root"/build/bundle/hebb-*-linux-x86_64.tar.xz | head -n 1)
fi
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$bundle" "$context/hebb-given-linux-x86_64.tar.xz"
# Whom to believe when data sets are fetched: this system's list of authorities.
cp -L /etc/ssl/certs/ca-certificates.crt "$context/ca-certificates.crt"

arguments=(--target "$variant" -t "${tag:-localhost/hebb:$variant}")
if [ -n "$base" ]; then
  if [ "$variant" = cuda ]; then arguments+=(--build-arg "CUDA_BASE=$base"); fi
  arguments+=(--build-arg "BASE=$base")
fi
# shellcheck disable=SC2086
${HEBB_PODMAN:-podman} build "${arguments[@]}" ${HEBB_PODMAN_BUILD_OPTIONS:-} -f "$root/deploy/container/Containerfile" "$context" >&2
echo "${tag:-localhost/hebb:$variant}"
