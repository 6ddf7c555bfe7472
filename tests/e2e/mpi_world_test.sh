#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An MPI world that loses a rank ($1 = KILL), or whose rank freezes ($1 = STOP), is started again as
# a whole; the job resumes from its checkpoint and ends with the same bits.
source "$(dirname "$0")/lib.sh"
write_job
signal=$1
up s 2 --comm mpi --threads 1
epochs=$(epochs_for 8)

id=$(submit "learning.epochs=$epochs")
succeeds "$id"
expected=$(digest "$id")

id=$(submit "learning.epochs=$epochs")
wait_for_step "$id" 50
victim=$(random_member "$id")
kill "-$signal" "$victim"
eventually 60 "a second attempt" is "$id" '(.attempts | length) >= 2' true
succeeds "$id"
[ "$(get "$id" '.attempts[-1].start_step')" -ge 20 ] || fail "it did not resume from a checkpoint"
equal "$(digest "$id")" "$expected" "digest after SIG$signal of a rank"
passed
