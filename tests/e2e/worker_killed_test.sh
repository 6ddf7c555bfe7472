#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of a worker at three random points: the job ends right, with the same bits, and the worker
# that `up` starts again is taken in while the job runs.
source "$(dirname "$0")/lib.sh"
write_job
up s 2
long=("learning.epochs=$(epochs_for 12)")

id=$(submit "${long[@]}")
succeeds "$id"
expected=$(digest "$id")
total=$(get "$id" .total_steps)

full_gang_again() {
  is "$1" '(.workers | length) == 2 and .attempts[-1].generation >= 3' true
}

for round in 1 2 3; do
  id=$(submit "${long[@]}")
  at=$((20 + RANDOM % (total / 3)))
  wait_for_step "$id" "$at"
  victim=$(random_member "$id")
  kill -KILL "$victim"
  echo "round $round: killed $victim after step $at of $total"
  eventually 60 "the worker is taken in again" full_gang_again "$id"
  is "$id" .state RUNNING || fail "the job ended before the worker was back"
  succeeds "$id"
  equal "$(get "$id" '.attempts | length')" 1 "attempts"
  equal "$(digest "$id")" "$expected" "digest after a kill at step $at"
done
passed
