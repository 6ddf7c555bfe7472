#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A running job is cancelled: exit code 4, workers idle again and good for the next job.
source "$(dirname "$0")/lib.sh"
write_job
up s 2
id=$(submit learning.epochs=10000)
wait_for_step "$id" 10
expect 0 hebb cancel "$id"
expect 4 hebb wait "$id" --timeout 30
grep -q CANCELLED "$WORK/out" || fail "$(cat "$WORK/out")"
next=$(submit learning.epochs=1)
succeeds "$next"
is "$id" .state CANCELLED || fail "a terminal state changed"
passed
