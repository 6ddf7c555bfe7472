#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The weights digest of a job is the same for 1, 2, 3 and 4 workers, over gloo ($1 = gloo) and MPI
# ($1 = mpi). The expected digest is that of one worker over gloo.
source "$(dirname "$0")/lib.sh"
write_job
comm=$1

up reference 1 --comm gloo
id=$(submit resources.workers=1)
succeeds "$id"
expected=$(digest "$id")
down reference

up s 4 --comm "$comm" --threads 1
for workers in 1 2 3 4; do
  id=$(submit "resources.workers=$workers" "resources.min_workers=$workers")
  succeeds "$id"
  equal "$(get "$id" '.workers | length')" "$workers" "gang size"
  equal "$(digest "$id")" "$expected" "digest with $workers workers over $comm"
done
passed
