#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# debian_root.sh: prints the path of a tar of a minimal Debian 12 (debootstrap minbase, 130 MB), made
# once and kept in HEBB_CACHE (~/.cache/hebb). Exit code 77, and why, where it cannot be made.
set -euo pipefail

cache=${HEBB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hebb}
tar=$cache/debian-12.tar
if [ ! -s "$tar" ]; then
  cannot() { echo "no minimal Debian to test in: $*" >&2; exit 77; }
  command -v debootstrap >/dev/null || cannot "debootstrap is missing"
  [ "$(id -u)" -eq 0 ] || cannot "debootstrap needs root"
  mirror=$(awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; ++i) if ($i ~ /^http/) { print $i; exit } }' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null) || true
  mkdir -p "$cache"
  root=$(mktemp -d "$cache/debian-XXXXXX")
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase bookworm "$root/debian" "${mirror:-http://deb.debian.org/debian}" \
    >"$root/log" 2>&1 || cannot "debootstrap: $(tail -n 1 "$root/log")"
  rm -rf "$root"/debian/var/cache/apt/* "$root"/debian/var/lib/apt/lists/* "$root"/debian/usr/share/{doc,man,locale}/*
  tar -C "$root/debian" --exclude='./dev/*' -cf "$root/tar" .
  mv "$root/tar" "$tar"
fi
echo "$tar"
