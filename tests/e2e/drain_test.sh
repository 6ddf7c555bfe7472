#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Workers that are asked to leave (SIGTERM, SIGUSR1, `hebb drain`) go at a step boundary: nothing is
# lost, the job goes on, and ends with the weights of an undisturbed run.
source "$(dirname "$0")/lib.sh"
write_job
up s 2
long=("learning.epochs=$(epochs_for 12)" checkpoint.every_steps=100000)

id=$(submit "${long[@]}")
succeeds "$id"
expected=$(digest "$id")
total=$(get "$id" .total_steps)

members() { get "$1" '.workers | length'; }
has_members() { [ "$(members "$1")" -eq "$2" ]; }
event() { get "$1" "[.events[] | select(.kind == \"$2\")] | length"; }

# Each signal: the worker leaves, the other goes on, the one that `up` starts again joins.
for signal in TERM USR1; do
  id=$(submit "${long[@]}")
  wait_for_step "$id" $((total / 5))
  victim=$(random_member "$id")
  kill -"$signal" "$victim"
  eventually 30 "the worker has left" bash -c "! kill -0 $victim 2>/dev/null"
  succeeds "$id"
  equal "$(event "$id" worker_drained)" 1 "drained members after SIG$signal"
  equal "$(event "$id" worker_lost)" 0 "lost members after SIG$signal"
  equal "$(get "$id" '.attempts | length')" 1 "attempts after SIG$signal"
  equal "$(digest "$id")" "$expected" "digest after SIG$signal"
done

# All workers of a job: it stops with a checkpoint, waits, and goes on from there.
id=$(submit "${long[@]}")
wait_for_step "$id" $((total / 5))
mapfile -t workers < <(get "$id" '.workers[].worker')
for worker in "${workers[@]}"; do hebb drain "$worker" >/dev/null; done
eventually 60 "the job waits" is "$id" .state QUEUED
equal "$(get "$id" '.attempts[0].outcome')" preempted "outcome"
left_at=$(get "$id" .step)
equal "$(hebb workers -o json | jq '[.[] | select(.state == "draining")] | length')" 2 "draining"
for worker in "${workers[@]}"; do hebb drain "$worker" --undo >/dev/null; done
succeeds "$id"
equal "$(get "$id" '.attempts[1].start_step')" "$left_at" "the step from which it went on"
equal "$(digest "$id")" "$expected" "digest after a drain of all"
expect 6 hebb drain nothere

# `hebb down` drains too: after the next `up` the job goes on from the step it had reached.
id=$(submit "${long[@]}")
wait_for_step "$id" $((total / 5))
down s
up s 2
succeeds "$id"
equal "$(get "$id" '.attempts[0].outcome')" preempted "outcome after down"
equal "$(digest "$id")" "$expected" "digest after down and up"
passed
