#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deploy/slurm/hebb.sbatch with HEBB_MPI=pmix on a real Slurm of two nodes: the workers are one MPI
# world; a time limit that comes before the job's end pauses it with a checkpoint, and the next
# allocation goes on from that step; a lost rank ends the world, and it is started again; the weights
# are those of an undisturbed local run over gloo.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/slurm_lib.sh"
need_slurm
[ -n "$(find /usr/lib -name mpi_pmix.so 2>/dev/null)" ] || skip "this Slurm has no PMIx"

write_job
up local 2
epochs=$(epochs_for 60)
# Beside the other, so that neither ends before Slurm, which looks at time limits twice a minute, has
# seen its own.
beside=$(submit "learning.epochs=$epochs" resources.min_workers=2)
local_address=$HEBB_ADDRESS
unset HEBB_ADDRESS

trap 'rc=$?; stop_slurm || true; $PASSED || tail -qn 20 "$WORK"/*.out >&2 || true; (exit $rc); cleanup' EXIT
start_slurm
export HEBB_MPI=pmix
sid=$(batch world --time=1 --signal=B:USR1@57 -- --set "learning.epochs=$epochs" \
  --set resources.min_workers=2)
eventually 90 "the time limit" says world "is PAUSED at step"
eventually 60 "more time for the next allocation" scontrol update "JobId=$sid" TimeLimit=10
eventually 60 "the next allocation" says world "start 1 of SLURM job"
left=$(last_step world "PAUSED at")
eventually 60 "it goes on" trains_beyond world "$left"
grep -q "2 workers over mpi" "$WORK/world/coordinator.log" || fail "no MPI world"
equal "$(last_step world from)" "$left" "steps were lost by the time limit"

rank=$(pgrep -f "hebb-worker.*/1 --credentials $WORK/world/")
kill -KILL "$rank"
eventually 40 "the world is started again" says world "the workers have ended; starts them again"
eventually 240 "the end" slurm_state_is "$sid" COMPLETED
export HEBB_ADDRESS=$local_address
succeeds "$beside"
equal "$(sed -nE 's/.*digest ([0-9a-f]{64}).*/\1/p' "$WORK/world.out")" "$(digest "$beside")" digests
passed
