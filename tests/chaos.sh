#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Job after job on three workers, while workers are killed or frozen and the coordinator is killed at
# random; every job must end with the digest of an undisturbed run.
#   tests/chaos.sh [MINUTES]      default 10; HEBB_BIN, HEBB_TEST_SEED as in tests/e2e
source "$(dirname "${BASH_SOURCE[0]}")/e2e/lib.sh"
minutes=${1:-10}
write_job
job=(learning.epochs=60 resources.workers=3)
up s 3 --threads 1

id=$(submit "${job[@]}")
succeeds "$id"
expected=$(digest "$id")
end=$((SECONDS + 60 * minutes))
jobs=0
blows=0

blow() {
  local pids pid
  case $((RANDOM % 4)) in
    0)
      kill -KILL "$(pid_of s coordinator)" 2>/dev/null || true
      echo "  killed the coordinator"
      ;;
    1)
      pid=$(jq ".workers[$((RANDOM % 3))].pid" "$WORK/s/up.json")
      [ "$pid" -gt 0 ] || return 0
      kill -STOP "$pid" 2>/dev/null || return 0
      echo "  froze worker $pid for 4 s"
      sleep 4
      kill -CONT "$pid" 2>/dev/null || true
      ;;
    *)
      mapfile -t pids < <(jq '.workers[].pid' "$WORK/s/up.json")
      pid=${pids[RANDOM % ${#pids[@]}]}
      [ "$pid" -gt 0 ] || return 0
      kill -KILL "$pid" 2>/dev/null || return 0
      echo "  killed worker $pid"
      ;;
  esac
  blows=$((blows + 1))
}

ended() { is "$1" '.state | IN("SUCCEEDED", "FAILED", "CANCELLED")' true 2>/dev/null; }

while [ $SECONDS -lt "$end" ]; do
  id=$(submit "${job[@]}")
  echo "job $id"
  deadline=$((SECONDS + 300))
  until ended "$id"; do
    [ $SECONDS -lt "$deadline" ] || fail "job $id does not end"
    sleep "$((RANDOM % 3)).$((RANDOM % 10))"
    blow
  done
  succeeds "$id"
  equal "$(digest "$id")" "$expected" "digest of job $id"
  jobs=$((jobs + 1))
  echo "  same digest, $(get "$id" '.attempts[-1] | "attempt \(.number), generation \(.generation)"')"
done
echo "$jobs jobs, $blows blows, one digest: $expected"
passed
