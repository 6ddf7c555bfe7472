#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A frozen worker (SIGSTOP) is left out within the deadline and the job ends right. Thawed, it is a
# worker again.
source "$(dirname "$0")/lib.sh"
write_job
up s 2
epochs=$(epochs_for 8)

id=$(submit "learning.epochs=$epochs")
succeeds "$id"
expected=$(digest "$id")

id=$(submit "learning.epochs=$epochs")
wait_for_step "$id" 30
victim=$(random_member "$id")
kill -STOP "$victim"
frozen_at=$SECONDS
eventually 8 "the frozen worker is left out" is "$id" '(.workers | length) == 1' true
echo "left out after $((SECONDS - frozen_at)) s"
succeeds "$id"
equal "$(digest "$id")" "$expected" "digest after a freeze"
kill -CONT "$victim"
two_idle() { [ "$(hebb workers -o json | jq '[.[] | select(.state == "idle")] | length')" = 2 ]; }
eventually 30 "the thawed worker is back" two_idle
passed
