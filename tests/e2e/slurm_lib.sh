# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A real Slurm for one test: munged, slurmctld and two slurmd on this machine, on free ports, in the
# test's folder, as the user who runs the test (root). Source after lib.sh.

SLURM=$WORK/slurm
SLURM_PIDS=()

need_slurm() {
  local program
  for program in munged munge slurmctld slurmd sbatch squeue scontrol scancel sinfo; do
    PATH=$PATH:/usr/sbin command -v $program >/dev/null ||
      skip "no $program here (deploy/local/install-deps.sh --tests)"
  done
  [ "$(id -u)" = 0 ] || skip "slurmctld and slurmd want to be root here"
  PATH=$PATH:/usr/sbin
}

# free_ports COUNT: that nobody listens on now.
free_ports() {
  local found=0 port
  while [ $found -lt "$1" ]; do
    port=$((20000 + RANDOM % 12000))
    ss -Htln "sport = :$port" | grep -q . && continue
    echo $port
    found=$((found + 1))
  done
}

write_slurm_conf() {
  local host ports
  host=$(hostname -s)
  mapfile -t ports < <(free_ports 3)
  cat >"$SLURM_CONF" <<CONF
ClusterName=hebbtest
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$SLURM/munge/sock,cred_expire=5
StateSaveLocation=$SLURM/state
SlurmdSpoolDir=$SLURM/spool/%n
SlurmctldPidFile=$SLURM/slurmctld.pid
SlurmdPidFile=$SLURM/slurmd.%n.pid
SlurmctldLogFile=$SLURM/log/slurmctld.log
SlurmdLogFile=$SLURM/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$SLURM/log/jobcomp.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MpiDefault=none
SlurmctldParameters=preempt_send_user_signal
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=10
KillWait=20
MinJobAge=60
InactiveLimit=0
JobRequeue=1
SwitchType=switch/none
TmpFS=$SLURM/tmp/%n
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=2000 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=2000 State=UNKNOWN
PartitionName=low  Nodes=n1,n2 Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=5 MaxTime=INFINITE State=UP OverSubscribe=NO
PartitionName=high Nodes=n1,n2 PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
CONF
}

start_slurmd() {
  slurmd -D -N "$1" -f "$SLURM_CONF" >"$SLURM/log/$1.out" 2>&1 &
  SLURM_PIDS+=($!)
  echo $! >"$SLURM/$1.pid"
}

nodes_idle() { [ "$(sinfo -h -N -p low -t idle -o %N 2>/dev/null | wc -l)" = 2 ]; }

start_slurm() {
  mkdir -p "$SLURM"/{munge,state,spool/n1,spool/n2,log,tmp/n1,tmp/n2}
  export SLURM_CONF=$SLURM/slurm.conf
  write_slurm_conf
  dd if=/dev/urandom of="$SLURM/munge/key" bs=128 count=1 status=none
  chmod 400 "$SLURM/munge/key"
  chmod 755 "$SLURM/munge"
  munged --force --foreground --key-file="$SLURM/munge/key" --socket="$SLURM/munge/sock" \
    --pid-file="$SLURM/munge/pid" --log-file="$SLURM/munge/log" \
    --seed-file="$SLURM/munge/seed" >/dev/null 2>&1 &
  SLURM_PIDS+=($!)
  eventually 10 "munged answers" test -S "$SLURM/munge/sock"
  slurmctld -D -f "$SLURM_CONF" >"$SLURM/log/ctld.out" 2>&1 &
  SLURM_PIDS+=($!)
  start_slurmd n1
  start_slurmd n2
  eventually 30 "both nodes are idle: $(cat "$SLURM"/log/*.out)" nodes_idle
}

stop_slurm() {
  local pid
  scancel -u root 2>/dev/null || true
  eventually 40 "no Slurm job is left" no_slurm_job
  for pid in "${SLURM_PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${SLURM_PIDS[@]}"; do wait "$pid" 2>/dev/null || true; done
  SLURM_PIDS=()
}
no_slurm_job() { [ -z "$(squeue -h -o %i 2>/dev/null)" ]; }

# slurm_state JOB -> PENDING, RUNNING, COMPLETED ...
slurm_state() { scontrol show job -o "$1" 2>/dev/null | sed -n 's/.* JobState=\([A-Z_]*\).*/\1/p'; }
slurm_state_is() { [ "$(slurm_state "$1")" = "$2" ]; }
slurm_field() { scontrol show job -o "$1" | sed -n "s/.* $2=\([^ ]*\).*/\1/p"; }

# ---- deploy/slurm/hebb.sbatch --------------------------------------------------------------------

SCRIPT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../deploy/slurm" && pwd)/hebb.sbatch
export HEBB_BIN

# batch NAME [sbatch options] -- [script's arguments]: the Slurm job's id
batch() {
  local name=$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  shift
  HEBB_STATE_DIR=$WORK/$name HEBB_DATA_DIR=$DATA sbatch --parsable -p low -o "$WORK/$name.out" \
    "${options[@]}" "$SCRIPT" "$WORK/job.yaml" "$@"
}
says() { grep -qE -- "$2" "$WORK/$1.out" 2>/dev/null; }
# The steps at which allocations of NAME ended and began.
last_step() { sed -nE "s/.*$2 step ([0-9]+).*/\1/p" "$WORK/$1.out" | tail -n 1; }

# describe of the job that runs in NAME's allocation; "" while there is none.
inside() {
  local address
  address=$(jq -r '.address' "$WORK/$1/coordinator.json" 2>/dev/null) || return 0
  [ -n "$address" ] || return 0
  HEBB_CREDENTIALS=$WORK/$1/credentials/users/slurm "$HEBB_BIN/hebb" \
    --address "$(hostname):${address##*:}" list -o json --all 2>/dev/null | jq -r ".[0]$2" || true
}
trains_beyond() {
  local step
  [ "$(inside "$1" .state)" = RUNNING ] || return 1
  step=$(inside "$1" .step)
  [ "${step:-0}" -gt "$2" ]
}
