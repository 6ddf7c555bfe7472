#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a coordinator takes for a large fleet and many watchers: starts one and puts fleet_load on it.
#   bench/fleet_load.sh [WORKERS=5000] [WATCHERS=1000] [SECONDS=10]
# BENCH_BIN: the folder of the programs, build/ci/bin if not set.
set -euo pipefail
bin=${BENCH_BIN:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/ci/bin}
work=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
ulimit -n "$(ulimit -Hn)"
"$bin/hebb-coordinator" --listen 127.0.0.1:0 --http 127.0.0.1:0 --state-dir "$work/state" \
  >"$work/log" 2>&1 &
pid=$!
for _ in $(seq 200); do
  [ ! -s "$work/state/coordinator.json" ] || break
  kill -0 "$pid" 2>/dev/null || { cat "$work/log"; exit 1; }
  sleep 0.05
done
address=$(sed -n 's/.*"address": "\([^"]*\)".*/\1/p' "$work/state/coordinator.json")
"$bin/fleet_load" "$address" "$pid" "$@"
