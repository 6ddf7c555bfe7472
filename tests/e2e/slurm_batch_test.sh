#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deploy/slurm/hebb.sbatch on a real Slurm of two nodes: a requeue and a preemption by a higher
# partition lose no step, and the weights are those of an undisturbed local run; scancel leaves a
# folder that goes on; a bad job ends with its code.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/slurm_lib.sh"
need_slurm

write_job
up local 2
epochs=$(epochs_for 18)
id=$(submit "learning.epochs=$epochs" resources.min_workers=2)
succeeds "$id"
want=$(digest "$id")
down local
unset HEBB_ADDRESS

trap 'rc=$?; stop_slurm || true; $PASSED || tail -qn 20 "$WORK"/*.out >&2 || true; (exit $rc); cleanup' EXIT
start_slurm

sid=$(batch twice -- --set "learning.epochs=$epochs" --set resources.min_workers=2)
eventually 40 "the job trains on two nodes" trains_beyond twice 20
equal "$(slurm_field "$sid" NumNodes)" 2 nodes

scontrol requeue "$sid"
eventually 60 "the second start" says twice "start 1 of SLURM job"
eventually 40 "it goes on" trains_beyond twice "$(last_step twice 'at')"
left=$(last_step twice "QUEUED at")
[ "$left" -gt 20 ] || fail "the requeued job had only reached step '$left'"
equal "$(last_step twice from)" "$left" "steps were lost by the requeue"

srun -p high -N2 -n2 --exclusive --mpi=none true &
high=$!
eventually 60 "the third start" says twice "start 2 of SLURM job"
wait $high || fail "the job of the higher partition did not run"
eventually 60 "the end" slurm_state_is "$sid" COMPLETED
equal "$(last_step twice from)" "$(last_step twice "PAUSED at")" "steps were lost by the preemption"
equal "$(sed -nE 's/.*digest ([0-9a-f]{64}).*/\1/p' "$WORK/twice.out")" "$want" digests
test -s "$WORK/twice/"*.safetensors || fail "no weights"

# The user takes the allocation away; the folder goes on where it was.
sid=$(batch kept -- --set "learning.epochs=$epochs" --set resources.min_workers=2)
eventually 40 "the job trains" trains_beyond kept 20
scancel "$sid"
eventually 40 "the hand-over" says kept "QUEUED at step"
left=$(last_step kept "QUEUED at")
eventually 40 "no Slurm job is left" no_slurm_job
sid=$(batch kept -- --set "learning.epochs=$epochs" --set resources.min_workers=2)
eventually 60 "it goes on" trains_beyond kept "$left"
equal "$(last_step kept from)" "$left" "steps were lost by scancel"
scancel "$sid"
eventually 40 "no Slurm job is left" no_slurm_job

# A job that cannot be taken ends the allocation with the client's code.
sid=$(batch bad -- --set learning.rule=none_such)
eventually 40 "the end" slurm_state_is "$sid" FAILED
equal "$(slurm_field "$sid" ExitCode)" "5:0" "exit code"
says bad "none_such" || fail "no cause: $(cat "$WORK/bad.out")"

expect 1 sbatch -p nowhere "$SCRIPT" "$WORK/job.yaml"
said "invalid partition"
passed
