#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of a job's only worker: the worker is started again, the job resumes from its checkpoint in
# a new attempt, and the bits are the same.
source "$(dirname "$0")/lib.sh"
write_job
up s 1
long=(resources.workers=1 "learning.epochs=$(epochs_for 8 resources.workers=1)")
id=$(submit "${long[@]}")
succeeds "$id"
expected=$(digest "$id")

id=$(submit "${long[@]}")
wait_for_step "$id" 60
kill -KILL "$(random_member "$id")"
eventually 20 "a second attempt" is "$id" '(.attempts | length) == 2' true
succeeds "$id"
[ "$(get "$id" '.attempts[-1].start_step')" -ge 20 ] || fail "it did not resume from a checkpoint"
equal "$(digest "$id")" "$expected" "digest after the loss of the whole gang"
passed
