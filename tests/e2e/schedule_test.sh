#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A job of higher priority preempts the one that runs: it writes its checkpoint, waits with its
# reason, goes on afterwards, and ends with the bits of an undisturbed run.
source "$(dirname "$0")/lib.sh"
# Longer than --protect-running: within that time nothing is preempted.
write_job
up s 1
long=(resources.workers=1 "learning.epochs=$(epochs_for 30 resources.workers=1)")
id=$(submit "${long[@]}")
succeeds "$id"
expected=$(digest "$id")

low=$(submit "${long[@]}")
wait_for_step "$low" 60
urgent=$(submit resources.workers=1 resources.priority=5 learning.epochs=15)
equal_one=$(submit resources.workers=1 learning.epochs=1)
eventually 60 "job $urgent runs" is "$urgent" .state RUNNING
is "$low" '.attempts[0].outcome' preempted || fail "attempt 1 of $low was not preempted"
eventually 20 "the reason of $low" is "$low" .waiting.reason too_few_workers
is "$low" '.waiting.holders[0].job' "$urgent" || fail "no holder: $(get "$low" .waiting)"
text=$(hebb describe "$low")
grep -q 'position [12] in the queue' <<<"$text" || fail "no position: $text"
for job in "$urgent" "$low" "$equal_one"; do succeeds "$job"; done
equal "$(digest "$low")" "$expected" "digest after a preemption"
passed
