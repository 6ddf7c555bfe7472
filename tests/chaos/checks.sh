# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the drill judges, and what it tells at its end.

VIOLATIONS=0

violation() {
  VIOLATIONS=$((VIOLATIONS + 1))
  echo "VIOLATION: $*" | tee -a "$WORK/violations"
}

# ---- watching, besides ---------------------------------------------------------------------------

# Feels how late the machine lets a small process run: "END_NS STALL_NS" where it was above 0.2 s.
heartbeat() {
  local before after
  before=${EPOCHREALTIME/./}
  while sleep 0.05; do
    after=${EPOCHREALTIME/./}
    if ((after - before > 250000)); then
      echo "${after}000 $((after - before - 50000))000" >>"$WORK/stalls"
    fi
    before=$after
  done
}

# Twice a second the state of every job: "NS ID STATE STEP", and the whole in now.json. All of them:
# one that was submitted while the clock was an hour back is the oldest.
poll() {
  while sleep 0.5; do
    if in_net c timeout 5 "$HEBB_BIN/hebb" list --all --limit 1000 -o json >"$WORK/poll.new" 2>/dev/null; then
      mv "$WORK/poll.new" "$WORK/now.json"
      jq -r --arg t "$(now_ns)" '.[] | "\($t) \(.id) \(.state) \(.step)"' "$WORK/now.json" >>"$WORK/polls"
    fi
  done
}

# stalled FROM TO (ns): the milliseconds in between in which the machine did not run what was ready.
stalled() {
  awk -v from="$1" -v to="$2" '{
    begin = $1 - $2; end = $1
    if (begin < from) begin = from
    if (end > to) end = to
    if (end > begin) sum += end - begin
  } END {printf "%d", sum / 1e6}' "$WORK/stalls"
}

# ---- detection -----------------------------------------------------------------------------------

# gang_of WORKER: the running job that has it in a gang, or nothing. A job that is being paused parts
# with its workers by itself.
gang_of() {
  local id
  for id in $(jq -r '.[] | select(.state == "RUNNING") | .id' "$WORK/now.json"); do
    if [ "$(get "$id" ".state == \"RUNNING\" and (.unreachable | not) and ([.workers[].worker] | index(\"$1\") != null)" 2>/dev/null)" = true ]; then
      echo "$id"
      return
    fi
  done
}

# noticed JOB WORKER SINCE: when (ns) the coordinator wrote into the job's record that it missed the worker.
noticed() {
  get "$1" "[.events[] | select((.kind == \"worker_lost\" and .actor == \"$2\") or
      (.kind == \"gang\" and (.text | startswith(\"no worker of the gang\")))) | .time]
      | .[]" 2>/dev/null | while read -r time; do
    time=$(date -d "$time" +%s%N)
    if [ "$time" -ge "$3" ]; then
      echo "$time"
      break
    fi
  done
}

was_noticed() { NOTICED=$(noticed "$@") && [ -n "$NOTICED" ]; }

# judge_detection JOB WORKER: after a fault at STRUCK. Leaves what to print in SAID.
judge_detection() {
  local limit=$((DETECT_WITHIN_MS + SLACK_MS)) took starved
  local end=$((SECONDS + 15 + SLACK_MS / 1000))
  NOTICED=""
  until was_noticed "$1" "$2" "$STRUCK" || [ $SECONDS -ge "$end" ]; do
    ended "$1" && break
    sleep 0.2
  done
  if [ -z "$NOTICED" ]; then
    if ended "$1"; then
      SAID="$SAID the job ended first"
    else
      violation "the loss of a member of $1 is not in its record"
    fi
    return 0
  fi
  took=$(((NOTICED - STRUCK) / 1000000))
  starved=$(stalled "$STRUCK" "$NOTICED")
  echo "$took $starved" >>"$WORK/detections"
  SAID="$SAID noticed after $took ms"
  if [ "$starved" -gt 0 ]; then SAID="$SAID (machine stalled $starved ms)"; fi
  if ((took - starved > limit)); then violation "noticed after $took ms, of which the machine stalled $starved"; fi
}

ended() { jq -e --arg id "$1" '.[] | select(.id == $id) | .state | IN("SUCCEEDED", "FAILED", "CANCELLED")' \
  "$WORK/now.json" >/dev/null; }

# A clock that jumps, or a full disk of a worker, costs nobody its place. A machine that stands still
# may, so that nothing is judged then.
judge_harmless() {
  local id lost starved
  starved=$(stalled "$STRUCK" "$(now_ns)")
  if [ "$starved" -gt $((DETECT_WITHIN_MS / 4)) ]; then
    SAID="$SAID not judged (machine stalled $starved ms)"
    return 0
  fi
  for id in $(jq -r '.[] | select(.state == "RUNNING") | .id' "$WORK/now.json"); do
    lost=$(get "$id" '.events[] | select(.kind == "worker_lost" or .kind == "attempt_lost" or .kind == "attempt_failed")
      | .time' 2>/dev/null | while read -r time; do
      if [ "$(date -d "$time" +%s%N)" -ge "$STRUCK" ]; then echo "$time"; fi
    done)
    if [ -n "$lost" ]; then violation "$1 cost job $id a worker"; fi
  done
}

# ---- at the end of a job ---------------------------------------------------------------------------

# judge_job ID KIND: it succeeded, with the weights of the undisturbed run, and nothing twice.
judge_job() {
  local all seen
  all=$(patiently hebb describe "$1" -o json)
  seen=$(jq -r '"\(.state) \(.reason)"' <<<"$all")
  if [ "$seen" != "SUCCEEDED " ]; then
    violation "job $1 ended as $seen"
    return 0
  fi
  seen=$(digest "$1")
  if [ "$seen" != "${EXPECTED[$2]}" ]; then violation "job $1 ($2) has $seen, not ${EXPECTED[$2]}"; fi
  seen=$(jq -r '[.epochs[].epoch] == [range(1; (.spec.learning.epochs) + 1)]' <<<"$all")
  if [ "$seen" != true ]; then violation "job $1: its epochs are not each there once"; fi
  seen=$(jq -r '"\([.events[] | select(.kind == "attempt_succeeded")] | length) \([.attempts[]
    | select(.outcome == "succeeded")] | length) \([.attempts[] | select(.outcome == "")] | length)"' <<<"$all")
  if [ "$seen" != "1 1 0" ]; then violation "job $1: succeeded events, succeeded and open attempts: $seen"; fi
}

# ---- the summary -----------------------------------------------------------------------------------

# The p-th of the sorted first column.
percentile() { sort -n "$1" | awk -v p="$2" '{v[NR] = $1} END {print NR ? v[int((NR - 1) * p + 0.5) + 1] : "-"}'; }

# Steps gained over steps computed: what was computed again after a return to a checkpoint is lost.
# Time: of the half seconds in which a job had workers, those in which it got further than ever.
goodput() {
  awk '{
    if ($4 > last[$2]) computed += $4 - last[$2]
    if ($2 in best) {
      if ($3 == "RUNNING" || $3 == "STARTING") { slots++; if ($4 > best[$2]) useful++ }
    }
    last[$2] = $4
    if ($4 > best[$2]) { gained += $4 - best[$2]; best[$2] = $4 }
  } END {
    printf "goodput: %d useful of %d computed steps (%.1f %%); %.1f %% of the time with workers gained steps\n",
      gained, computed, computed ? 100 * gained / computed : 0, slots ? 100 * useful / slots : 0
  }' "$WORK/polls"
}

summary() {
  echo "---- summary, seed $SEED, $((SECONDS / 60)) min $((SECONDS % 60)) s"
  echo "faults: $STRUCK_COUNT of $FAULTS, of which $MET met running jobs;" \
    "$(sort "$WORK/kinds" | uniq -c | awk '{printf "%s %d, ", $2, $1}' | sed 's/, $//')"
  echo "jobs: $SUBMITTED acknowledged, $FINISHED judged, lost: $((SUBMITTED - FINISHED))"
  echo "noticed: $(wc -l <"$WORK/detections") losses, median $(percentile "$WORK/detections" 0.5) ms," \
    "worst $(percentile "$WORK/detections" 1) ms, limit $((DETECT_WITHIN_MS + SLACK_MS)) ms;" \
    "beyond it $(awk -v l=$((DETECT_WITHIN_MS + SLACK_MS)) '$1 > l' "$WORK/detections" | wc -l)," \
    "of these without a stall of the machine that explains it" \
    "$(awk -v l=$((DETECT_WITHIN_MS + SLACK_MS)) '$1 - $2 > l' "$WORK/detections" | wc -l)"
  echo "machine: stalled $(awk '{s += $2; if ($2 > m) m = $2} END {printf "%.1f s in all, at most %.2f s", s / 1e9, m / 1e9}' "$WORK/stalls")"
  goodput
  echo "violations: $VIOLATIONS"
}
