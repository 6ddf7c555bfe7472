#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian 12 packages that Hebb is built from. Does nothing where nothing is missing.
#   install-deps.sh [--tests] [--yes]
#     --tests  also what the tests need
#     --yes    do not ask (nor without a terminal)
set -euo pipefail

build_packages=(
  ca-certificates g++ cmake ninja-build pkg-config git
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libabsl-dev
  libopenmpi-dev openmpi-bin libgloo-dev
  libdnnl-dev ocl-icd-opencl-dev librandom123-dev
  prometheus-cpp-dev libcurl4-openssl-dev libcpp-httplib-dev libsqlite3-dev
  libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libeigen3-dev libonnx-dev libspdlog-dev
  liblzma-dev zlib1g-dev libssl-dev librsvg2-dev fonts-dejavu-core)
test_packages=(libgtest-dev libgmock-dev jq procps iproute2 valgrind patchelf debootstrap slurm-wlm munge sqlite3
  prometheus python3 python3-pip python3-setuptools python3-wheel python3-grpcio python3-protobuf python3-numpy mypy
  curl chromium zsh fish man-db)

say() { printf '%s\n' "install-deps: $*" >&2; }

packages=("${build_packages[@]}")
yes=false
for argument in "$@"; do
  case "$argument" in
    --tests) packages+=("${test_packages[@]}") ;;
    --yes) yes=true ;;
    *) say "unknown option $argument; usage: install-deps.sh [--tests] [--yes]"; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  say "this is no Debian system; install the equivalents of: ${packages[*]}"
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  # A package may be known for several architectures; one that is installed is enough.
  if ! dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
    missing+=("$package")
  fi
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    say "missing: ${missing[*]}; run this script as root, or install sudo"
    exit 1
  fi
  as_root=(sudo)
fi

say "missing: ${missing[*]}"
if ! $yes && [ -t 0 ] && [ -t 2 ]; then
  read -r -p "Install them with apt-get? [Y/n] " answer
  case "$answer" in
    '' | [Yy]*) ;;
    *) say "nothing was installed"; exit 1 ;;
  esac
fi

apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq)
"${as_root[@]}" "${apt[@]}" update
"${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
say "installed ${#missing[@]} packages"
