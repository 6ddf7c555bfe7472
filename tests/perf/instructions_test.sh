#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# instructions_test.sh PROGRAM SUBJECT: counts the instructions of one operation with callgrind and
# compares them with tests/perf/budgets.txt. Two runs with different numbers of operations: what
# both do besides cancels out. The count does not depend on how busy the machine is.
set -euo pipefail
program=$1 subject=$2
few=10 many=40
if ! command -v valgrind >/dev/null; then
  echo "skipped: no valgrind (deploy/local/install-deps.sh --tests)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

count() { # OPERATIONS -> instructions
  valgrind --tool=callgrind --callgrind-out-file="$work/out" "$program" "$subject" "$1" \
    >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  sed -n 's/^totals: \([0-9]*\).*/\1/p; s/^summary: \([0-9]*\).*/\1/p' "$work/out" | tail -n 1
}
a=$(count $few)
b=$(count $many)
each=$(((b - a) / (many - few)))
budget=$(awk -v s="$subject" '$1 == s {print $2}' "$(dirname "$0")/budgets.txt")
[ -n "$budget" ] || { echo "no budget for $subject"; exit 1; }
echo "$subject: $each instructions an operation, budget $budget"
[ "$each" -gt 0 ] || { echo "FAILED: nothing was counted"; exit 1; }
if [ "$each" -gt $((budget * 5 / 4)) ]; then
  echo "FAILED: more than 1.25 times the budget; where they go: callgrind_annotate, or raise" \
    "tests/perf/budgets.txt with a reason"
  exit 1
fi
