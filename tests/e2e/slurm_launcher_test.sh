#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A coordinator that asks a real Slurm of two nodes for workers: from none to two and back, over its
# own death, a refused partition, a worker cancelled by hand, a crashed node and a preemption; the
# weights are those of an undisturbed local run.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/slurm_lib.sh"
need_slurm

write_job
up local 2
epochs=$(epochs_for 18)
SETS=("learning.epochs=$epochs" resources.min_workers=1)
id=$(submit "${SETS[@]}")
succeeds "$id"
want=$(digest "$id")
down local

COORDINATOR=0
end_all() {
  [ $COORDINATOR -eq 0 ] || kill -KILL $COORDINATOR 2>/dev/null || true
  stop_slurm || true
}
trap 'rc=$?; $PASSED || tail -qn 20 "$WORK"/coordinator.log "$WORK"/log/*.log >&2 || true; end_all; (exit $rc); cleanup' EXIT
start_slurm
PORT=$(free_ports 1)
cat >"$WORK/launcher.yaml" <<YAML
max_workers: 2
idle_after: 3s
look_every: 500ms
slurm:
  data_dir: $DATA
  log_dir: $WORK/log
  work_dir: $WORK/work
  partition: low
  options: [--cpus-per-task=2]
YAML
mkdir -p "$WORK/log"

start_coordinator() {
  "$HEBB_BIN/hebb-coordinator" --listen "127.0.0.1:$PORT" --http 127.0.0.1:0 \
    --state-dir "$WORK/state" --launcher slurm --launcher-config "$WORK/launcher.yaml" \
    >>"$WORK/coordinator.log" 2>&1 &
  COORDINATOR=$!
  eventually 20 "the coordinator answers" hebb list -o json
}
export HEBB_ADDRESS=127.0.0.1:$PORT

# A file with a mistake: one line with place and remedy.
sed 's/max_workers/max_worker/' "$WORK/launcher.yaml" >"$WORK/bad.yaml"
expect 1 "$HEBB_BIN/hebb-coordinator" --state-dir "$WORK/state" --launcher slurm \
  --launcher-config "$WORK/bad.yaml"
said "bad.yaml:1:1: unknown key max_worker; did you mean 'max_workers'"

start_coordinator >/dev/null
hebb submit "$WORK/job.yaml" --dry-run --set resources.slurm.time=10 >"$WORK/out" 2>/dev/null
for line in '#SBATCH --partition=low' '#SBATCH --time=10' '#SBATCH --cpus-per-task=2' "exec '$HEBB_BIN/hebb-worker'"; do
  grep -qF -- "$line" "$WORK/out" || fail "no $line in the script that --dry-run shows: $(cat "$WORK/out")"
done
equal "$(squeue -h | wc -l)" 0 "workers were asked for before a job wants them"

in_slurm() { [ "$(squeue -h -t "$1" | wc -l)" = "$2" ]; }
members() { [ "$(get "$1" '.workers | length')" = "$2" ] && is "$1" .state RUNNING; }
trains_on() { # JOB: gains ten steps from here
  local step
  step=$(get "$1" .step)
  eventually 60 "it trains on after: $2" step_reached "$1" $((step + 10))
}
ends_alike() {
  succeeds "$1"
  equal "$(digest "$1")" "$want" "other bits after $2"
}

# From none to two, one on each node. The coordinator dies and finds its workers again.
id=$(submit "${SETS[@]}")
eventually 60 "two workers train" members "$id" 2
equal "$(squeue -h -o %N | sort | xargs)" "n1 n2" "nodes"
kill -KILL $COORDINATOR
wait $COORDINATOR || true
start_coordinator >/dev/null
trains_on "$id" "the coordinator was killed"
in_slurm RUNNING 2 || fail "the new coordinator has not found its workers: $(squeue)"
ends_alike "$id" "a killed coordinator"
equal "$(get "$id" '.attempts | length')" 1 "attempts after a killed coordinator"

# And back: nobody wants them.
eventually 60 "the idle workers are let go" no_slurm_job
grep -q "let a worker go: idle for 3s" "$WORK/coordinator.log" || fail "not let go for being idle"

# A partition that does not exist is the job's own mistake: SLURM's words.
bad=$(submit resources.slurm.partition=nowhere)
reason_has() { get "$1" .reason | grep -qE -- "$2"; }
eventually 30 "SLURM's words" reason_has "$bad" "slurm refuses a worker: .*invalid partition"
equal "$(squeue -h | wc -l)" 0 "something was asked for"
hebb cancel "$bad" >/dev/null 2>&1

# A worker that is cancelled by hand and a node that crashes: others are asked for. The job goes on
# with no less than two, so that it is not over before SLURM has noticed.
id=$(submit "${SETS[@]}" resources.min_workers=2)
eventually 60 "two workers train" members "$id" 2
replaced() { # JOB NAME: two train, and none of them is NAME
  members "$1" 2 && ! get "$1" '.workers[].worker' | grep -q "^$2\."
}
name_of() { squeue -h -j "$1" -o %j; }
victim=$(squeue -h -w n1 -o %i)
name=$(name_of "$victim")
scancel "$victim"
eventually 60 "another worker joins" replaced "$id" "$name"
trains_on "$id" "a worker was cancelled"
victim=$(squeue -h -w n2 -t RUNNING -o %i)
name=$(name_of "$victim")
kill -KILL "$(cat "$SLURM/n2.pid")" $(pgrep -f "slurmstepd: \[$victim\.") \
  $(hebb workers -o json | jq -r --arg name "$name" '.[] | select(.id | startswith($name)) | .pid')
eventually 30 "the loss of the node" is "$id" .state QUEUED
start_slurmd n2
eventually 120 "another worker joins" replaced "$id" "$name"
trains_on "$id" "a node crashed"

# A job of a higher partition takes both nodes.
srun -p high -N2 -n2 --exclusive --mpi=none true &
high=$!
eventually 60 "the job waits for SLURM" reason_has "$id" "asked of slurm: .*pending"
wait $high || fail "the job of the higher partition did not run"
eventually 90 "workers train again" members "$id" 2
ends_alike "$id" "a cancelled worker, a crashed node and a preemption"

kill -TERM $COORDINATOR
wait $COORDINATOR || fail "the coordinator ended with $?"
COORDINATOR=0
passed
