#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packs the three programs with the libraries that they need into one archive that runs from any
# folder of another x86-64 Linux (docs/bundle.md). `cmake --build --preset release --target bundle`
# calls it.
#   make.sh BIN_DIR OUT_DIR VERSION BUILD_ID
# Writes OUT_DIR/hebb-VERSION-linux-x86_64.tar.xz and the folder it was packed from.
set -euo pipefail
shopt -s inherit_errexit

[ $# -eq 4 ] || { echo "usage: make.sh BIN_DIR OUT_DIR VERSION BUILD_ID" >&2; exit 2; }
bin=$1 out=$2 version=$3 build_id=$4
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
name=hebb-$version-linux-$(uname -m)
folder=$out/$name
programs=(hebb hebb-coordinator hebb-worker)

die() { echo "bundle: $*" >&2; exit 1; }
command -v patchelf >/dev/null ||
  die "patchelf is missing, which makes libraries relocatable; apt-get install patchelf"

# The C library and its parts stay the system's: they belong to its kernel and name services.
of_glibc='^(ld-linux-x86-64|libc|libm|libdl|libpthread|librt|libresolv|libutil|libanl|libnsl)\.so'

# libraries FILE...: the paths of all libraries that the files load, their own names first.
libraries() {
  local missing
  missing=$(ldd "$@" | awk '/not found/ { print $1 }' | sort -u)
  [ -z "$missing" ] || die "not found on this system: $missing"
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | sort -u | grep -vE "$of_glibc"
}

rm -rf "$folder" "$folder.tar.xz"
mkdir -p "$folder"/{bin,lib,examples,licences}
for program in "${programs[@]}"; do
  install -m 755 -s "$bin/$program" "$folder/bin/$program"
  # An old-style RPATH would reach further, but not below libraries that bring a path of their own.
  patchelf --set-rpath "\$ORIGIN/../lib" "$folder/bin/$program"
done

packages=()
while read -r soname path; do
  install -m 644 -s "$path" "$folder/lib/$soname"
  patchelf --set-rpath "\$ORIGIN" "$folder/lib/$soname"
  owner=$(dpkg-query -S "$path" "$(readlink -f "$path")" 2>/dev/null | head -n 1 | cut -d: -f1) || true
  [ -n "$owner" ] && packages+=("$owner")
done < <(libraries "${programs[@]/#/$bin/}")

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
