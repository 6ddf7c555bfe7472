#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzzers (clang, AddressSanitizer, UBSan) and runs each for a while, two at a time:
#   tests/fuzz/run.sh [SECONDS [TARGET...]]     (600 seconds, all targets)
# Inputs that cover something new are kept in tests/fuzz/corpus/TARGET.tar.xz. A finding stays in
# build/fuzz/findings, is printed, and makes the exit code 1: mend it, and keep its input in
# tests/fuzz/found/TARGET/.
set -euo pipefail

seconds=${1:-600}
shift || true
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
if [ $# -gt 0 ]; then targets=("$@"); else
  targets=()
  for file in tests/fuzz/*_fuzz.cc; do targets+=("$(basename "$file" _fuzz.cc)"); done
fi
cmake --preset fuzz
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}" fuzz_seeds

work=build/fuzz/work findings=build/fuzz/findings seeds=build/fuzz/seeds
mkdir -p "$findings"
build/fuzz/tests/fuzz_seeds "$seeds"

# The libraries beside ours are not instrumented: containers that they fill look overflowed.
export ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1

run_one() {
  local target=$1 status=0
  local program=build/fuzz/tests/fuzz_$target pack=tests/fuzz/corpus/$target.tar.xz
  mkdir -p "$work/$target" "$seeds/$target"
  if [ -f "$pack" ]; then tar -xJf "$pack" -C "$work"; fi
  local inputs=("$seeds/$target")
  if [ -d "tests/fuzz/found/$target" ]; then inputs+=("tests/fuzz/found/$target"); fi
  if [ "$target" = job_file ]; then inputs+=(examples); fi
  "$program" -max_total_time="$seconds" -max_len=8192 -timeout=60 -rss_limit_mb=4096 \
    -artifact_prefix="$findings/$target-" -print_final_stats=1 "$work/$target" "${inputs[@]}" \
    > "build/fuzz/$target.log" 2>&1 || status=$?
  keep "$target"
  grep -E 'number_of_executed_units' "build/fuzz/$target.log" | sed "s/^/$target: /" || true
  if [ "$status" -ne 0 ]; then
    echo "$target: FINDING, see build/fuzz/$target.log and $findings"
    grep -E 'ERROR: |SUMMARY|runtime error|Test unit written' "build/fuzz/$target.log" | head -5
  fi
  return "$status"
}

# The smallest set of inputs that covers the same.
keep() {
  local target=$1 kept=build/fuzz/kept
  rm -rf "${kept:?}/$target"
  mkdir -p "$kept/$target"
  if "build/fuzz/tests/fuzz_$target" -set_cover_merge=1 -max_len=8192 "$kept/$target" \
    "$work/$target" "$seeds/$target" > "build/fuzz/$target.merge.log" 2>&1; then
    tar -C "$kept" --sort=name --mtime=@0 --owner=0 --group=0 -cJf "tests/fuzz/corpus/$target.tar.xz" \
      "$target"
  fi
}

failed=0
for ((i = 0; i < ${#targets[@]}; i += 2)); do
  pids=()
  for target in "${targets[@]:i:2}"; do
    run_one "$target" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
done
if [ "$failed" -eq 0 ]; then echo "no finding in ${seconds} s a target: ${targets[*]}"; fi
exit "$failed"
